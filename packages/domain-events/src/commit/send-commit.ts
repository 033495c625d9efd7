import { codeOf, isAnswer, isConnectionError, meansRolledBack } from "../transaction/database-error.ts";
import { type CommitProof, isMarkGone, proofSql, readProof } from "./commit-proof.ts";
import type { DatabaseSupport } from "./database-support.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { OwnedTransaction } from "../transaction/owned-transaction.ts";
import { noteServer, seenServer } from "./seen-servers.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** A transaction that is about to be committed. */
export interface Committing<out Tx = unknown> {
  /** Which has begun it, and begins others to ask what became of it. */
  readonly adapter: TransactionAdapter<unknown>;
  readonly transaction: Transaction<Tx>;
  readonly owned: OwnedTransaction;
  readonly support: DatabaseSupport;
  /** Looked at once more right before COMMIT is sent: throws where it must not be. */
  readonly mayCommit: () => void;
}

/** A COMMIT on its way. */
export interface SentCommit {
  /** The command tag of the server's answer. */
  readonly tag: Promise<string>;
  /**
   * What to go by when that answer is lost; `undefined` when nobody knows. Rejects with the reason when nothing of the unit can have been
   * committed.
   */
  readonly proof: Promise<CommitProof | undefined>;
}

/**
 * Sends COMMIT; where events were recorded and no store has brought the proof along, behind a guard. It turns a silently aborted
 * transaction into an error, sees a hidden end of the transaction, and learns the id.
 */
export function sendCommit(committing: Committing, guarded: boolean): SentCommit {
  const { transaction, owned } = committing;
  owned.commits();
  // Behind a cursor that is open still, a COMMIT would not leave, and nobody could tell.
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

/** The server is asked who it is where that was not seen lately. */
export function proofSqlFor({ transaction, support }: Committing, { assignId }: { assignId: boolean }): string {
  const seen = seenServer(transaction.connection);
  const withServer = support.canIdentify && seen === undefined;
  // Of a server that nobody knows anything about, everything may be true.
  const withStandbys = seen?.hasStandbys ?? !support.canIdentify;
  return proofSql({ withServer, withStandbys, assignId });
}

/** Behind a pooler another server may answer on what looks like the same connection: what was seen there before does not count then. */
export function acceptProof({ transaction, owned }: Committing, text: unknown): CommitProof {
  const proof = readProof(text);
  if (!proof) throw owned.refuse();
  if (proof.server !== undefined) noteServer(transaction.connection, proof.server);
  const server = proof.server ?? seenServer(transaction.connection);
  return { ...proof, server: server?.startedAt === proof.startedAt ? server : null };
}

/** Why a statement of the unit itself has failed. */
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

/** Thrown before COMMIT was sent, whatever it looks like. */
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

/** Nothing is committed behind a guard that the server refused. One whose answer is lost says nothing about COMMIT. */
function undefinedWhenLost(error: unknown): undefined {
  if (isAnswer(error) || meansRolledBack(error)) throw error;
}

/** Nobody asks for it when COMMIT succeeds. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
