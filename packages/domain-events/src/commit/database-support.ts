import { beginWithin } from "../transaction/begin-transaction.ts";
import { DomainEventsError } from "../errors.ts";
import { markSql, proofSql } from "./commit-proof.ts";
import { isTrue } from "@acme/shared/is-true";
import { runOutsideUnits } from "../current-unit.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { withTimeout } from "@acme/shared/timeout";

/** What a database can do of the things that are useful, but not required. */
export interface DatabaseSupport {
  /** Whether the server can be identified, so that "committed" can be believed after a lost COMMIT. */
  readonly canIdentify: boolean;
}

interface Trying {
  readonly support: Promise<DatabaseSupport>;
  readonly beganAt: number;
}

const known = new WeakMap<object, { readonly support: DatabaseSupport } | Trying>();

/**
 * Tries, once for each database, the features that the guarantees depend on.
 *
 * @throws {@link DomainEventsError} `DATABASE_UNSUPPORTED`; what `begin` throws, and then the next call tries again.
 */
export function databaseSupport(adapter: TransactionAdapter<unknown>): DatabaseSupport | Promise<DatabaseSupport> {
  const found = known.get(adapter.database);
  if (found === undefined) return startTrying(adapter);
  return "beganAt" in found ? waitFor(found, adapter) : found.support;
}

function startTrying(adapter: TransactionAdapter<unknown>): Promise<DatabaseSupport> {
  const { database } = adapter;
  const support = runOutsideUnits(() => tryAll(adapter));
  const trying = { support, beganAt: performance.now() };
  known.set(database, trying);
  support.then(
    (found) => known.set(database, { support: found }),
    () => known.get(database) === trying && known.delete(database),
  );
  return support;
}

/**
 * Waits for the trial of another unit. That unit may have got a dead connection, or may wait for one, and must not hold
 * up all the others. So after a while a waiting unit starts a trial of its own.
 */
async function waitFor(other: Trying, adapter: TransactionAdapter<unknown>): Promise<DatabaseSupport> {
  const late = new Error(`The database had not answered another unit after ${longestWaitMs} ms`);
  try {
    return await withTimeout(Math.max(0, other.beganAt + longestWaitMs - performance.now()), other.support, () => late);
  } catch (error) {
    if (error !== late) throw error;
    return known.get(adapter.database) === other ? startTrying(adapter) : databaseSupport(adapter);
  }
}

interface Need {
  readonly what: string;
  readonly promise: string;
  /** The last statement returns one row with the column `holds`. */
  readonly sql: readonly string[];
}

const longestWaitMs = 5_000;
/** The limit for one answer. After that the connection counts as dead and is closed, so that it leaves the pool. */
const longestAnswerMs = 30_000;

const lockKey = 1_826_402_113;

const needs: readonly Need[] = [
  {
    what: "PostgreSQL 13 or later",
    promise: "a COMMIT whose answer is lost is resolved",
    sql: ["select current_setting('server_version_num')::int >= 130000 as holds"],
  },
  {
    what: "transaction ids that can be asked about (pg_xact_status)",
    promise: "a COMMIT whose answer is lost is resolved",
    sql: [
      `select case when pg_is_in_recovery() then pg_current_xact_id_if_assigned() is null
        else pg_xact_status(pg_current_xact_id()) = 'in progress' end as holds`,
    ],
  },
  {
    what: "advisory locks that exclude",
    promise: "two processes may migrate at once",
    // An engine may have the function for compatibility only, and take no lock.
    sql: [
      `select pg_advisory_xact_lock_shared(${lockKey})`,
      `select exists (
        select from pg_locks where locktype = 'advisory' and objid = ${lockKey} and pid = pg_backend_pid() and granted
      ) as holds`,
    ],
  },
  {
    what: "FOR UPDATE SKIP LOCKED",
    promise: "several processes share the rows of a queue or an outbox",
    sql: ["select true as holds from (select 1) as nothing for update skip locked"],
  },
];

async function tryAll(adapter: TransactionAdapter<unknown>): Promise<DatabaseSupport> {
  const options = { isolation: "read committed", mark: markSql } as const;
  const transaction = await beginWithin(adapter, options, { timeoutMs: longestAnswerMs, onlyAnswer: true });
  const late = new Error(`The database had not answered after ${longestAnswerMs} ms`);
  const query: Query = (text) => withTimeout(longestAnswerMs, transaction.query(text), () => late);
  try {
    return await tryOut(query);
  } catch (error) {
    if (error === late) transaction.abandon(late);
    throw error;
  } finally {
    await transaction.rollback(undefined);
  }
}

type Query = (text: string) => ReturnType<Transaction<unknown>["query"]>;

async function tryOut(query: Query): Promise<DatabaseSupport> {
  for (const need of needs) {
    if (!(await holds(query, need))) throw unsupported(need);
  }
  await trySavepoint(query);
  return { canIdentify: await canIdentify(query) };
}

async function holds(query: Query, need: Need): Promise<boolean> {
  try {
    let last: Record<string, unknown> | undefined;
    for (const sql of need.sql) [last] = (await query(sql)).rows;
    return isTrue(last?.["holds"]);
  } catch (error) {
    throw isRefusal(error) ? unsupported(need, error) : error;
  }
}

async function trySavepoint(query: Query): Promise<void> {
  try {
    await query("savepoint domain_events_probe");
    await query("rollback to savepoint domain_events_probe");
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw unsupported({ what: "savepoints", promise: "savepoint() takes its rows and its events with it" }, error);
  }
}

/** Managed servers do not allow some of these functions. */
async function canIdentify(query: Query): Promise<boolean> {
  try {
    await query(
      `select ${proofSql({ withServer: true, withStandbys: true, assignId: false })}, (select checkpoint_lsn from pg_control_checkpoint())`,
    );
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await query("rollback to savepoint domain_events_probe");
    return false;
  }
}

/** The server refused the statement: a missing right, an unknown function or syntax, or a missing feature. */
function isRefusal(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return code.startsWith("42") || code.startsWith("0A") || code === "22023" || code === "55000";
}

function unsupported({ what, promise }: Pick<Need, "what" | "promise">, cause?: unknown): DomainEventsError {
  return new DomainEventsError(
    "DATABASE_UNSUPPORTED",
    `This database lacks ${what}, without which "${promise}" cannot be promised. Units of work need PostgreSQL 13 or later itself, not another ` +
      "engine that speaks its protocol.",
    { cause },
  );
}
