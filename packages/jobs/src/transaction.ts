import type { Pool } from "pg";
import type { Queryable } from "./queryable.ts";

/** An open transaction on a connection of its own. Left without a commit, it is rolled back. */
export interface OpenTransaction extends Queryable, AsyncDisposable {
  commit(): Promise<void>;
}

/** Without a listener, a backend that dies between two statements ends the process. */
const ignoreLoss = () => undefined;

/** @param settings - Run with `begin`, as `set local …` statements. */
export async function beginTransaction(pool: Pool, settings = ""): Promise<OpenTransaction> {
  const connection = await pool.connect();
  connection.on("error", ignoreLoss);
  let isOpen = true;
  const giveBack = (isBroken: boolean) => {
    if (!isOpen) return;
    isOpen = false;
    connection.removeListener("error", ignoreLoss);
    // The server ends an open transaction with its connection, whatever state either is in.
    connection.release(isBroken);
  };
  try {
    await connection.query(`begin; ${settings}`);
  } catch (error) {
    giveBack(true);
    throw error;
  }
  return {
    query: (text, values = []) => connection.query(text, [...values]),
    async commit() {
      const { command } = await connection.query("commit");
      // COMMIT of an aborted transaction answers ROLLBACK without an error.
      if (command !== "COMMIT")
        throw new Error("The transaction was aborted; PostgreSQL answered COMMIT with ROLLBACK.");
      giveBack(false);
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      await connection.query("rollback").then(
        () => giveBack(false),
        () => giveBack(true),
      );
    },
  };
}
