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
  /** `undefined` where nobody knows: then there is nothing to ask. */
  readonly proof: CommitProof | undefined;
  readonly witnesses: readonly NonNullable<DurableReceipt["witness"]>[];
  readonly adapter: TransactionAdapter<unknown>;
  readonly timeoutMs: number;
}

/**
 * Finds out what became of a COMMIT whose answer was lost.
 *
 * A crash or a promotion hands out again those transaction ids that had not reached the disk, or the standby. So "committed" is believed only
 * of a server that has neither recovered nor been promoted since our transaction saw it; what the unit itself has written is believed anywhere.
 */
export async function findOutcome({ proof, witnesses, adapter, timeoutMs }: LostCommit): Promise<Outcome> {
  if (!proof) return "unknown";
  const giveUpAt = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = giveUpAt - performance.now()) {
    // The old backend may still be at it, the pool may hand out one more dead connection, the server may not be back yet.
    const answer = await askInTransaction(adapter, { timeoutMs: Math.min(leftMs, longestQuestionMs) }, (transaction) =>
      askOnce((text, values) => transaction.query(text, values), proof, witnesses),
    ).catch(() => undefined);
    // Not asked for where there were no standbys a moment ago: then there may be some now.
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
  /** Of the server that has given it. */
  readonly startedAt: string;
  /** Synchronous ones, which have to have it, too. */
  readonly hasStandbys: boolean;
}

const standingSql = `select pg_catalog.pg_is_in_recovery() as "isStandby", pg_catalog.concat(${startedAtSql}) as "startedAt",
  pg_catalog.current_setting('synchronous_standby_names') <> '' as "hasStandbys",
  exists (select from pg_catalog.pg_foreign_server) as "hasForeignServers"`;

const continuitySql = `select ${databaseIdSql} as "databaseId", ${timelineSql} as "timeline",
  (select checkpoint_lsn operator(pg_catalog.<) $1::pg_catalog.pg_lsn from pg_catalog.pg_control_checkpoint()) as "isUnbroken"`;

/** All in one transaction, and so of one server between two crashes. `undefined` where it is too early to say. */
async function askOnce(
  query: Query,
  proof: CommitProof,
  witnesses: LostCommit["witnesses"],
): Promise<Answer | undefined> {
  const [standing] = (await query(standingSql)).rows;
  // A standby may not have heard of it yet, and may be promoted any moment.
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
  // It has written nothing here. Rows of another server, written through this one, are committed there with our COMMIT.
  if (transactionId === null) return isTrue(standing["hasForeignServers"]) ? "unknown" : "committed";
  if (!server) return "unknown";
  const [now] = (await query(continuitySql, [server.flushedTo])).rows;
  if (now?.["databaseId"] !== server.databaseId) return "unknown";
  // An old primary that somebody still reaches knows nothing of what came after it; the new one will answer.
  if (String(now["timeline"]) < server.timeline) return "too early";
  const status = await statusOf(query, transactionId);
  if (status === "in progress") return "too early";
  if (status === "aborted") return "aborted";
  // Every recovery ends with a checkpoint behind what was on disk before, so one in front of that is older than any recovery since.
  const isSameServer = standing["startedAt"] === startedAt && isTrue(now["isUnbroken"]);
  return status === "committed" && isSameServer ? "committed" : "unknown";
}

async function statusOf(query: Query, transactionId: string): Promise<unknown> {
  try {
    const sql = "select pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8) as status";
    const { rows } = await query(sql, [transactionId]);
    return rows[0]?.["status"];
  } catch (error) {
    // "In the future": the id was lost, and with it whatever it had written.
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
