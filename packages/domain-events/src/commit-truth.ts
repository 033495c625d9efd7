import { setTimeout as delay } from "node:timers/promises";
import { meansRolledBack } from "./database-error.ts";
import { CommitOutcomeUnknownError, TransactionAbortedError } from "./errors.ts";
import type { PreparedCommit } from "./prepare-commit.ts";
import { sendCommit } from "./send-commit.ts";
import type { Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { within } from "./within.ts";

const pauseMs = 50;
const longestQuestionMs = 1_000;

/**
 * Commits, and returns only if the transaction is known to be committed.
 *
 * @throws {@link TransactionAbortedError}, the database's own error, or {@link CommitOutcomeUnknownError}.
 */
export async function confirmCommit<Tx>(
  transaction: Transaction<Tx>,
  prepared: PreparedCommit<Tx>,
  adapter: TransactionAdapter<Tx>,
  outcomeTimeoutMs: number,
): Promise<void> {
  const sent = sendCommit(transaction, prepared);
  let tag: string;
  try {
    tag = await sent.tag;
  } catch (error) {
    if (meansRolledBack(error)) throw error;
    return askForOutcome(await sent.transactionId, adapter, outcomeTimeoutMs, error);
  }
  if (tag === "COMMIT") return;
  // COMMIT of an aborted transaction answers ROLLBACK without an error; the guard may know why.
  await sent.transactionId;
  throw TransactionAbortedError.swallowed(`PostgreSQL answered ${tag} to COMMIT.`);
}

async function askForOutcome<Tx>(
  transactionId: string | null | undefined,
  adapter: TransactionAdapter<Tx>,
  timeoutMs: number,
  lost: unknown,
): Promise<void> {
  // A transaction without an id has written nothing: nothing could be lost.
  if (transactionId === null) return;
  if (transactionId === undefined) throw new CommitOutcomeUnknownError(undefined, lost);
  const outcome = await ask(transactionId, adapter, timeoutMs);
  if (outcome === "committed") return;
  if (outcome === "aborted") throw lost;
  throw new CommitOutcomeUnknownError(transactionId, lost);
}

/** The old backend may still be at it ("in progress"), and the pool may hand out one more dead connection. */
async function ask<Tx>(
  transactionId: string,
  adapter: TransactionAdapter<Tx>,
  outcomeTimeoutMs: number,
): Promise<string | null> {
  const giveUpAt = performance.now() + outcomeTimeoutMs;
  let leftMs = outcomeTimeoutMs;
  while (leftMs > 0) {
    const timeoutMs = Math.min(leftMs, longestQuestionMs);
    const question = adapter.transactionStatus(transactionId, { timeoutMs });
    const status = await within(leftMs, question).catch(() => "unreachable");
    if (status !== "in progress" && status !== "unreachable") return status;
    await delay(Math.min(pauseMs, leftMs));
    leftMs = giveUpAt - performance.now();
  }
  return null;
}
