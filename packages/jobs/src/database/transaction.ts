import type { Pool } from "pg";
import { connectIdle } from "./connect-idle.ts";
import { mayOnlyRead } from "./database-errors.ts";
import { answerWithinMs, promptlyMs, sendWithTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";
import { awaitStandbys, showWarningsSql, writeMarkSql } from "./standby-waits.ts";

/** An open transaction on a connection of its own. It is rolled back if it is disposed without a commit. */
export interface OpenTransaction extends Queryable, AsyncDisposable {
  /** @throws `StandbyWaitEndedError` if it is committed, and the synchronous standbys may lack it. */
  commit(): Promise<void>;
}

/** Without a listener, the process would end if the backend dies between two statements. */
const ignoreLoss = () => undefined;

/** How a transaction begins, and how long it may take. */
export interface TransactionOptions {
  /** Run with `begin`, as `set local …` statements. */
  readonly settings?: string;
  /**
   * Milliseconds after which a statement fails and the connection is closed. Default: only `begin` and the end have a
   * timeout.
   */
  readonly statementMs?: number;
  /**
   * Whether to wait first until the synchronous standbys have what the transaction will find. In the same session,
   * since what a crash leaves unreplicated is seen only after it, by other sessions.
   */
  readonly isBehindStandbys?: boolean;
}

export async function beginTransaction(
  pool: Pool,
  { settings = "", statementMs, isBehindStandbys = false }: TransactionOptions = {},
): Promise<OpenTransaction> {
  const connection = await connectIdle(pool);
  connection.on("error", ignoreLoss);
  let isOpen = true;
  let isReadOnly = false;
  const giveBack = (isBroken: boolean) => {
    if (!isOpen) return;
    isOpen = false;
    connection.removeListener("error", ignoreLoss);
    // A broken connection is closed, and the server then rolls the transaction back.
    connection.release(isBroken);
  };
  const send = (text: string, withinMs: number) => sendWithTimeout({ pool, client: connection }, { text }, withinMs);
  const sendCommit = (text: string, withinMs: number) => awaitStandbys(connection, () => send(text, withinMs));
  try {
    if (isBehindStandbys) await sendCommit(`begin; ${showWarningsSql}; ${writeMarkSql}; commit`, answerWithinMs);
    await send(`begin; ${showWarningsSql}; ${settings}`, promptlyMs);
  } catch (error) {
    giveBack(true);
    throw error;
  }
  return {
    async query(text, values = []) {
      try {
        return statementMs === undefined
          ? await connection.query(text, [...values])
          : await sendWithTimeout({ pool, client: connection }, { text, values: [...values] }, statementMs);
      } catch (error) {
        isReadOnly ||= mayOnlyRead(error);
        throw error;
      }
    },
    async commit() {
      // COMMIT waits for the disk, and perhaps for standbys.
      const { command } = await sendCommit("commit", Math.max(answerWithinMs, statementMs ?? 0));
      // COMMIT of an aborted transaction answers ROLLBACK without an error.
      if (command !== "COMMIT")
        throw new Error("The transaction was aborted; PostgreSQL answered COMMIT with ROLLBACK.");
      giveBack(false);
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      await send("rollback", answerWithinMs).then(
        () => giveBack(isReadOnly),
        () => giveBack(true),
      );
    },
  };
}
