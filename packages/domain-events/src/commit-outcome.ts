import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "./database-error.ts";
import type { CommitProof, SeenServer } from "./commit-proof.ts";
import type { DurableReceipt } from "./durable-handler.ts";
import { isReplicated } from "./replication.ts";
import type { Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { within } from "./within.ts";

const pauseMs = 50;
const longestQuestionMs = 1_000;

export type Outcome = "committed" | "aborted" | "unknown";
type Query = Transaction<unknown>["query"];

export interface LostCommit {
  readonly proof: CommitProof;
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
  const giveUpAt = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = giveUpAt - performance.now()) {
    const ask = (query: Query) => askOnce(query, proof, witnesses);
    // The old backend may still be at it, the pool may hand out one more dead connection, the server may not be back yet.
    const answer = await inQuestion(adapter, Math.min(leftMs, longestQuestionMs), ask).catch(() => undefined);
    if (answer?.outcome === "committed" && answer.waitsForStandby) {
      return (await isReplicated(adapter, giveUpAt - performance.now())) ? "committed" : "unknown";
    }
    if (answer) return answer.outcome;
    await delay(Math.max(0, Math.min(pauseMs, giveUpAt - performance.now())));
  }
  return "unknown";
}

interface Answer {
  readonly outcome: Outcome;
  /** Committed there, and there are standbys that have to have it, too. */
  readonly waitsForStandby?: boolean;
}

const serverSql = `select pg_is_in_recovery() as "isStandby",
  (select system_identifier from pg_control_system())::text as "systemId",
  extract(epoch from pg_postmaster_start_time())::text as "startedAt",
  (select checkpoint_lsn < $1::pg_lsn from pg_control_checkpoint()) as "isUnbroken",
  current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local') as "waitsForStandby"`;

/** All in one transaction, and so of one server between two crashes. `undefined` where it is too early to say. */
async function askOnce(
  query: Query,
  { transactionId, server }: CommitProof,
  witnesses: LostCommit["witnesses"],
): Promise<Answer | undefined> {
  // To wait for no standby at all takes no time.
  if (!server) return askWitnesses(query, witnesses, true);
  const { rows } = await query(serverSql, [server.flushedTo]);
  const now = rows[0];
  // A standby may not have heard of it yet, and may be promoted any moment.
  if (!now || now["isStandby"] === true) return undefined;
  const status = now["systemId"] === server.systemId ? await statusOf(query, transactionId) : null;
  if (status === "in progress") return undefined;
  if (status === "aborted") return { outcome: "aborted" };
  const waitsForStandby = now["waitsForStandby"] === true;
  if (status === "committed" && isUnbroken(now, server)) return { outcome: "committed", waitsForStandby };
  return askWitnesses(query, witnesses, waitsForStandby);
}

/** Every recovery ends with a checkpoint behind what was on disk before, so one in front of that is older than any recovery since. */
function isUnbroken(now: Record<string, unknown>, { startedAt }: SeenServer): boolean {
  return now["startedAt"] === startedAt && now["isUnbroken"] === true;
}

async function statusOf(query: Query, transactionId: string | null): Promise<unknown> {
  try {
    const { rows } = await query("select pg_xact_status($1::text::xid8) as status", [transactionId]);
    return rows[0]?.["status"];
  } catch (error) {
    // "In the future": the id was lost, and with it whatever it had written.
    if (codeOf(error) === "22023") return "aborted";
    throw error;
  }
}

async function askWitnesses(
  query: Query,
  witnesses: LostCommit["witnesses"],
  waitsForStandby: boolean,
): Promise<Answer> {
  for (const { text, values } of witnesses) {
    const { rows } = await query(text, values);
    if (rows.length > 0) return { outcome: "committed", waitsForStandby };
  }
  return { outcome: "unknown" };
}

/** On a connection of its own, which is given up if it takes too long. */
async function inQuestion<Result>(
  adapter: TransactionAdapter<unknown>,
  timeoutMs: number,
  ask: (query: Query) => Promise<Result>,
): Promise<Result> {
  const beginning = adapter.begin({});
  const transaction = await within(timeoutMs, beginning).catch((error: unknown) => {
    beginning.then(
      (late) => late.rollback(error),
      () => {},
    );
    throw error;
  });
  try {
    return await within(
      timeoutMs,
      ask((text, values) => transaction.query(text, values)),
    );
  } finally {
    await transaction.rollback(undefined);
  }
}
