import type { Pool } from "pg";
import { connectIdle } from "./connect-idle.ts";
import { answerWithinMs, promptlyMs, sendWithTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";

/** An open transaction on a connection of its own. Left without a commit, it is rolled back. */
export interface OpenTransaction extends Queryable, AsyncDisposable {
  commit(): Promise<void>;
}

/** Without a listener, a backend that dies between two statements ends the process. */
const ignoreLoss = () => undefined;

/** How a transaction begins, and how long it may take. */
export interface TransactionOptions {
  /** Run with `begin`, as `set local …` statements. */
  readonly settings?: string;
  /** Milliseconds for each statement, after which the connection is given up. Default: none, but for `begin` and the end. */
  readonly statementMs?: number;
}

export async function beginTransaction(
  pool: Pool,
  { settings = "", statementMs }: TransactionOptions = {},
): Promise<OpenTransaction> {
  const connection = await connectIdle(pool);
  connection.on("error", ignoreLoss);
  let isOpen = true;
  const giveBack = (isBroken: boolean) => {
    if (!isOpen) return;
    isOpen = false;
    connection.removeListener("error", ignoreLoss);
    // The server ends an open transaction with its connection, whatever state either is in.
    connection.release(isBroken);
  };
  const send = (text: string, withinMs: number) => sendWithTimeout({ pool, client: connection }, { text }, withinMs);
  try {
    await send(`begin; ${settings}`, promptlyMs);
  } catch (error) {
    giveBack(true);
    throw error;
  }
  return {
    query: (text, values = []) =>
      statementMs === undefined
        ? connection.query(text, [...values])
        : sendWithTimeout({ pool, client: connection }, { text, values: [...values] }, statementMs),
    async commit() {
      // It waits for standbys, and for the disk.
      const { command } = await send("commit", Math.max(answerWithinMs, statementMs ?? 0));
      // COMMIT of an aborted transaction answers ROLLBACK without an error.
      if (command !== "COMMIT")
        throw new Error("The transaction was aborted; PostgreSQL answered COMMIT with ROLLBACK.");
      giveBack(false);
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      await send("rollback", answerWithinMs).then(
        () => giveBack(false),
        () => giveBack(true),
      );
    },
  };
}
