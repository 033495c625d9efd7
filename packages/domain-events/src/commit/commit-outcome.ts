import { setTimeout as delay } from "node:timers/promises";
import { isTrue } from "@acme/shared/is-true";
import { askInTransaction } from "../transaction/ask-in-transaction.ts";
import { codeOf } from "../transaction/database-error.ts";
import { type CommitProof, databaseIdSql, startedAtSql, timelineSql } from "./commit-proof.ts";
import type { DurableReceipt } from "@acme/shared/durable-handler";
import { isReplicated, waitsForStandby } from "./replication.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

const pauseMs = 50;
const longestQuestionMs = 1_000;

export type Outcome = "committed" | "aborted" | "unknown";
type Query = Transaction<unknown>["query"];

export interface LostCommit {
  /** `undefined` if it is not known. Then there is nothing to ask the database about. */
  readonly proof: CommitProof | undefined;
  readonly witnesses: readonly NonNullable<DurableReceipt["witness"]>[];
  readonly adapter: TransactionAdapter<unknown>;
  readonly timeoutMs: number;
}

/**
 * Finds out whether a COMMIT whose answer was lost has taken place.
 *
 * After a crash or a promotion PostgreSQL assigns transaction ids again that had not reached the disk, or the standby.
 * So the answer "committed" is believed only if the server has neither recovered nor been promoted since our
 * transaction saw it. Rows that the unit itself has written are believed on any server.
 */
export async function findOutcome({ proof, witnesses, adapter, timeoutMs }: LostCommit): Promise<Outcome> {
  if (!proof) return "unknown";
  const giveUpAt = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = giveUpAt - performance.now()) {
    // The old backend may still be busy, the pool may hand out another dead connection, or the server may still be
    // down.
    const answer = await askInTransaction(adapter, { timeoutMs: Math.min(leftMs, longestQuestionMs) }, (transaction) =>
      askOnce((text, values) => transaction.query(text, values), proof, witnesses),
    ).catch(() => undefined);
    // `waitsFor` is empty if there were no standbys a moment ago. There may be some now, so assume the default.
    const waitsFor = proof.waitsFor || "on";
    if (answer?.outcome === "committed" && answer.hasStandbys && waitsForStandby(waitsFor)) {
      const committed = { startedAt: answer.startedAt, waitsFor };
      return (await isReplicated(adapter, committed, giveUpAt - performance.now())) ? "committed" : "unknown";
    }
    if (answer) return answer.outcome;
    await delay(Math.max(0, Math.min(pauseMs, giveUpAt - performance.now())));
  }
  return "unknown";
}

interface Answer {
  readonly outcome: Outcome;
  /** When the server that answered was started. */
  readonly startedAt: string;
  /** Whether there are synchronous standbys, which must have the commit, too. */
  readonly hasStandbys: boolean;
}

const standingSql = `select pg_catalog.pg_is_in_recovery() as "isStandby", pg_catalog.concat(${startedAtSql}) as "startedAt",
  pg_catalog.current_setting('synchronous_standby_names') <> '' as "hasStandbys",
  exists (select from pg_catalog.pg_foreign_server) as "hasForeignServers"`;

const continuitySql = `select ${databaseIdSql} as "databaseId", ${timelineSql} as "timeline",
  (select checkpoint_lsn operator(pg_catalog.<) $1::pg_catalog.pg_lsn from pg_catalog.pg_control_checkpoint()) as "isUnbroken"`;

/**
 * Asks in one transaction, so that one server answers and it has not crashed in between. `undefined` if it is too
 * early.
 */
async function askOnce(
  query: Query,
  proof: CommitProof,
  witnesses: LostCommit["witnesses"],
): Promise<Answer | undefined> {
  const [standing] = (await query(standingSql)).rows;
  // A standby may not have received the commit yet, and may be promoted at any moment.
  if (!standing || isTrue(standing["isStandby"])) return undefined;
  const outcome = await outcomeThere(query, proof, standing);
  if (outcome === "too early") return undefined;
  return {
    outcome: outcome === "unknown" ? await askWitnesses(query, witnesses) : outcome,
    startedAt: String(standing["startedAt"]),
    hasStandbys: isTrue(standing["hasStandbys"]),
  };
}

async function outcomeThere(
  query: Query,
  { transactionId, server, startedAt }: CommitProof,
  standing: Record<string, unknown>,
): Promise<Outcome | "too early"> {
  // The transaction has written nothing on this server. Rows written to a foreign server are committed with our COMMIT.
  if (transactionId === null) return isTrue(standing["hasForeignServers"]) ? "unknown" : "committed";
  if (!server) return "unknown";
  const [now] = (await query(continuitySql, [server.flushedTo])).rows;
  if (now?.["databaseId"] !== server.databaseId) return "unknown";
  // This is an old primary that can still be reached. It knows nothing of later commits; wait for the new primary.
  if (String(now["timeline"]) < server.timeline) return "too early";
  const status = await statusOf(query, transactionId);
  if (status === "in progress") return "too early";
  if (status === "aborted") return "aborted";
  // Every recovery ends with a checkpoint, behind everything that was on disk before. If the last checkpoint is in
  // front of that position, there has been no recovery since.
  const isSameServer = standing["startedAt"] === startedAt && isTrue(now["isUnbroken"]);
  return status === "committed" && isSameServer ? "committed" : "unknown";
}

async function statusOf(query: Query, transactionId: string): Promise<unknown> {
  try {
    const sql = "select pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8) as status";
    const { rows } = await query(sql, [transactionId]);
    return rows[0]?.["status"];
  } catch (error) {
    // The id is "in the future": it was lost, and everything written with it was lost, too.
    if (codeOf(error) === "22023") return "aborted";
    throw error;
  }
}

async function askWitnesses(query: Query, witnesses: LostCommit["witnesses"]): Promise<Outcome> {
  for (const { text, values } of witnesses) {
    const { rows } = await query(text, values);
    if (rows.length > 0) return "committed";
  }
  return "unknown";
}
