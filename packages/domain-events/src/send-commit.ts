import { codeOf, meansRolledBack } from "./database-error.ts";
import { TransactionAbortedError } from "./errors.ts";
import type { PreparedCommit } from "./prepare-commit.ts";
import type { Transaction } from "./transaction-adapter.ts";

const guardSql = "select pg_current_xact_id_if_assigned()::text as id";

type TransactionId = string | null | undefined;
type GuardAnswer = ReturnType<Transaction<unknown>["query"]>;

/** A COMMIT on its way. */
export interface SentCommit {
  /** The command tag of the server's answer. */
  readonly tag: Promise<string>;
  /**
   * What to ask about when that answer is lost: `null` when the transaction has written nothing, `undefined` when nobody
   * knows. Rejects with the reason when nothing can have been committed.
   */
  readonly transactionId: TransactionId | Promise<TransactionId>;
}

/**
 * Sends COMMIT; where events were recorded and no store has brought the id along, behind a guard. It turns a silently aborted
 * transaction into an error, and learns the id.
 */
export function sendCommit<Tx>(
  transaction: Transaction<Tx>,
  { events, transactionId }: Pick<PreparedCommit<Tx>, "events" | "transactionId">,
): SentCommit {
  if (events.length === 0 || transactionId !== undefined) return { tag: transaction.commit(), transactionId };
  const pipelined = transaction.pipelineCommit?.(guardSql);
  if (!pipelined) return sendAfterGuard(transaction);
  return {
    tag: pipelined.tag,
    transactionId: handled(readId(pipelined.answer).catch(undefinedWhenLost)),
  };
}

function sendAfterGuard<Tx>(transaction: Transaction<Tx>): SentCommit {
  const transactionId = handled(readId(transaction.query(guardSql)));
  return { tag: commitAfter(transactionId, transaction), transactionId };
}

async function commitAfter<Tx>(guard: Promise<TransactionId>, transaction: Transaction<Tx>): Promise<string> {
  try {
    await guard;
  } catch (error) {
    await transaction.rollback(error);
    throw error;
  }
  return transaction.commit();
}

async function readId(answer: GuardAnswer): Promise<TransactionId> {
  try {
    const { rows } = await answer;
    return (rows[0]?.["id"] ?? null) as string | null;
  } catch (error) {
    throw explainAborted(error);
  }
}

/** Nothing is committed behind a guard that the server refused. One whose answer is lost says nothing about COMMIT. */
function undefinedWhenLost(error: unknown): undefined {
  if (meansRolledBack(error)) throw error;
}

/** Nobody asks for it when COMMIT succeeds. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

export function explainAborted(error: unknown): unknown {
  if (codeOf(error) !== "25P02") return error;
  return TransactionAbortedError.swallowed("An earlier statement of this transaction had failed.", { cause: error });
}
