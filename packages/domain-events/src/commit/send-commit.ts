import { codeOf, isAnswer, isConnectionError, meansRolledBack } from "../transaction/database-error.ts";
import { type CommitProof, isMarkGone, proofSql, readProof } from "./commit-proof.ts";
import type { DatabaseSupport } from "./database-support.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { OwnedTransaction } from "../transaction/owned-transaction.ts";
import { noteServer, seenServer } from "./seen-servers.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** A transaction that is about to be committed. */
export interface Committing<out Tx = unknown> {
  /** The adapter that began the transaction. It also begins the transactions that ask about a lost COMMIT. */
  readonly adapter: TransactionAdapter<unknown>;
  readonly transaction: Transaction<Tx>;
  readonly owned: OwnedTransaction;
  readonly support: DatabaseSupport;
  /** Called once more right before COMMIT is sent. Throws if COMMIT must not be sent. */
  readonly mayCommit: () => void;
}

/** A COMMIT that has been sent, or is about to be. */
export interface SentCommit {
  /** The command tag of the server's answer. */
  readonly tag: Promise<string>;
  /**
   * The proof to use if that answer is lost; `undefined` if there is none. Rejects with the reason if nothing of the
   * unit can have been committed.
   */
  readonly proof: Promise<CommitProof | undefined>;
}

/**
 * Sends COMMIT. If it is `guarded` (events were recorded, and no store has selected the proof), a guard statement is
 * sent before it. The guard turns a silently aborted transaction into an error, detects a hidden end of the
 * transaction, and learns the transaction id.
 */
export function sendCommit(committing: Committing, guarded: boolean): SentCommit {
  const { transaction, owned } = committing;
  owned.commits();
  // Behind a cursor that is still open, the driver would not send COMMIT, and there would be no way to know.
  if (!guarded && transaction.isBusy?.() !== true)
    return { tag: transaction.commit(), proof: Promise.resolve(undefined) };
  const guardSql = `select ${proofSqlFor(committing, { assignId: false })} as proof`;
  const pipelined = owned.hasJustAnswered ? transaction.pipelineCommit?.(guardSql) : undefined;
  if (!pipelined) return sendAfterGuard(committing, guardSql);
  return {
    tag: pipelined.tag,
    proof: handled(readAnswer(committing, pipelined.answer).catch(undefinedWhenLost)),
  };
}

/** Asks the server for its identity, unless it was seen lately. */
export function proofSqlFor({ transaction, support }: Committing, { assignId }: { assignId: boolean }): string {
  const seen = seenServer(transaction.connection);
  const withServer = support.canIdentify && seen === undefined;
  // A server about which nothing is known may have standbys.
  const withStandbys = seen?.hasStandbys ?? !support.canIdentify;
  return proofSql({ withServer, withStandbys, assignId });
}

/**
 * Behind a pooler another server may answer on what looks like the same connection. What was seen on the connection
 * before does not count then.
 */
export function acceptProof({ transaction, owned }: Committing, text: unknown): CommitProof {
  const proof = readProof(text);
  if (!proof) throw owned.refuse();
  if (proof.server !== undefined) noteServer(transaction.connection, proof.server);
  const server = proof.server ?? seenServer(transaction.connection);
  return { ...proof, server: server?.startedAt === proof.startedAt ? server : null };
}

/** The error to throw if a statement of the unit itself has failed. */
export function explainFailure({ owned }: Committing, error: unknown): unknown {
  if (isMarkGone(error)) return owned.refuse();
  if (codeOf(error) !== "25P02") return error;
  return TransactionAbortedError.swallowed("An earlier statement of this transaction had failed.", { cause: error });
}

function sendAfterGuard(committing: Committing, guardSql: string): SentCommit {
  const proof = handled(readAnswer(committing, committing.transaction.query(guardSql)));
  return { tag: commitAfter(proof, committing), proof };
}

async function commitAfter(
  guard: Promise<CommitProof | undefined>,
  { transaction, mayCommit }: Committing,
): Promise<string> {
  try {
    await guard;
    mayCommit();
  } catch (error) {
    await transaction.rollback(error);
    throw new NotCommitted(isConnectionError(error) ? TransactionAbortedError.lost(error) : error);
  }
  return transaction.commit();
}

/** Wraps an error that was thrown before COMMIT was sent, so that it is not taken for an answer to COMMIT. */
export class NotCommitted {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

async function readAnswer(
  committing: Committing,
  answer: ReturnType<Transaction<unknown>["query"]>,
): Promise<CommitProof> {
  try {
    const { rows } = await answer;
    return acceptProof(committing, rows[0]?.["proof"]);
  } catch (error) {
    throw explainFailure(committing, error);
  }
}

/**
 * If the server refused the guard, nothing was committed. If the guard's answer is lost, COMMIT may have taken place.
 */
function undefinedWhenLost(error: unknown): undefined {
  if (isAnswer(error) || meansRolledBack(error)) throw error;
}

/** The promise is not awaited if COMMIT succeeds, so a rejection must not count as unhandled. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
