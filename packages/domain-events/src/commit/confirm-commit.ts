import { meansRolledBack } from "../transaction/database-error.ts";
import type { CommitProof } from "./commit-proof.ts";
import { findOutcome, type LostCommit } from "./commit-outcome.ts";
import { CommitOutcomeUnknownError, TransactionAbortedError } from "../errors.ts";
import { type Committing, NotCommitted, sendCommit, type SentCommit } from "./send-commit.ts";
import { afterReading } from "@acme/shared/timeout";

export interface CommitLimits {
  /** How long COMMIT may take before its connection is closed. */
  readonly commitTimeoutMs: number;
  /** How long to ask the database about a COMMIT whose answer was lost. */
  readonly outcomeTimeoutMs: number;
}

/** What is known about a unit when COMMIT is sent. */
export interface CommitEvidence {
  readonly events: readonly object[];
  /** The proof, if a store of durable handlers has selected it already. */
  readonly proof: CommitProof | undefined;
  readonly witnesses: LostCommit["witnesses"];
}

/**
 * Commits, and returns only if the transaction is known to be committed.
 *
 * @throws {@link TransactionAbortedError}, the database's own error, or {@link CommitOutcomeUnknownError}.
 */
export async function confirmCommit(
  committing: Committing,
  prepared: CommitEvidence,
  { commitTimeoutMs, outcomeTimeoutMs }: CommitLimits,
): Promise<void> {
  const sent = sendCommit(committing, prepared.events.length > 0 && prepared.proof === undefined);
  const proof = prepared.proof ? Promise.resolve(prepared.proof) : sent.proof;
  let tag: string;
  try {
    tag = await bounded(committing, sent, commitTimeoutMs);
  } catch (error) {
    if (error instanceof NotCommitted) throw error.reason;
    if (meansRolledBack(error)) throw error;
    const { witnesses } = prepared;
    const { adapter } = committing;
    return resolve({ proof: await proof, witnesses, adapter, timeoutMs: outcomeTimeoutMs }, error);
  }
  // The server answers COMMIT of an aborted transaction with ROLLBACK and no error. The guard may have found out why.
  await proof;
  if (committing.owned.violation) throw committing.owned.violation;
  if (tag !== "COMMIT") throw TransactionAbortedError.swallowed(`PostgreSQL answered ${tag} to COMMIT.`);
  if (committing.owned.isReplicationUnknown) throw CommitOutcomeUnknownError.unreplicated(transactionIdOf(await proof));
}

async function bounded({ transaction }: Committing, { tag, proof }: SentCommit, timeoutMs: number): Promise<string> {
  if (timeoutMs === Infinity) return tag;
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => {
    transaction.abandon(new Error(`COMMIT had no answer after ${timeoutMs} ms (commitTimeoutMs)`));
  };
  const start = (): void => {
    clearTimeout(timer);
    const begun = afterReading(() => begun === timer && giveUp(), timeoutMs);
    timer = begun;
  };
  start();
  // If the guard was awaited first, COMMIT is sent only now, and its time begins.
  proof.then(() => timer && start()).catch(() => {});
  try {
    return await tag;
  } finally {
    clearTimeout(timer);
    timer = undefined;
  }
}

async function resolve(commit: LostCommit, lost: unknown): Promise<void> {
  const outcome = await findOutcome(commit);
  if (outcome === "committed") return;
  if (outcome === "aborted") throw lost;
  throw new CommitOutcomeUnknownError(transactionIdOf(commit.proof), lost);
}

function transactionIdOf(proof: CommitProof | undefined): string | undefined {
  return proof?.transactionId ?? undefined;
}
