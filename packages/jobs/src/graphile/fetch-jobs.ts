import { types, type CustomTypesConfig, type QueryConfig, type QueryResult } from "pg";
import type { FetchSize } from "./fetch-size.ts";
import { isNotPausedSql } from "./is-not-paused.ts";
import { startOfFetch } from "./return-jobs.ts";
import type { Slots } from "./slots.ts";

/** Sends a statement over a connection of a pool of Graphile Worker. */
export type Send = (config: QueryConfig) => Promise<QueryResult>;

/** How many jobs a pool fetches at once. */
export interface Prefetch {
  readonly size: FetchSize;
  readonly slots: Slots;
  /** Called if there may be more jobs than were fetched. */
  readonly onMore: () => void;
}

/** Which jobs a pool may fetch. For tests, which run some of those that are there. */
export interface FetchGate {
  /** Asked before each fetch. `undefined` means all jobs; otherwise Graphile Worker's ids. */
  next(): readonly string[] | undefined;
  fetched(jobIds: readonly string[]): void;
}

export const nothing: QueryResult = { rows: [], rowCount: 0, command: "SELECT", oid: 0, fields: [] };

/**
 * Fetches jobs with Graphile Worker's own statement, but with a limit of this package, and without parsing most of the
 * rows.
 */
export function createFetch(prefetch: Prefetch | undefined) {
  return async (config: QueryConfig, send: Send): Promise<QueryResult> => {
    // A statement without a limit in its name fetches one job.
    if (prefetch === undefined || nameOfFetch.exec(config.name ?? "") === null)
      return send({ ...withDue(ofRegisteredUnpaused(config)), types: leanTypes });
    const { size, slots, onMore } = prefetch;
    const limit = Math.min(size.next(), fewKinds(slots.allowed()));
    if (limit === 0) {
      onMore();
      return nothing;
    }
    const beganAt = performance.now();
    const answer = await send({
      ...withDue(withLimit(ofRegisteredUnpaused(config), limit)),
      types: leanTypes,
    });
    const got = answer.rows.length;
    size.note({ asked: limit, got, tookMs: performance.now() - beganAt });
    slots.taken(got);
    if (got >= limit) onMore();
    return answer;
  };
}

/** Rounded down to a power of two, because each number is a prepared statement of its own. */
function fewKinds(count: number): number {
  return count < 1 ? 0 : 2 ** Math.floor(Math.log2(count));
}

const nameOfFetch = /^(?:of_[0-9a-f]+_)?get_job(\d+)/;

/**
 * A fetch leaves out what is paused.
 *
 * A pool fetches jobs only while its row is in the registry: without it, no other worker could tell whose locks they are. The
 * fetch locks the row. So a recovery, which removes the row, waits for a fetch under way, and a late fetch does not see a row
 * that is about to go. A fetch may be late because the backend of a dead worker has waited for a table.
 *
 * The comment in the text shows in `pg_stat_activity` which pool fetches.
 */
function ofRegisteredUnpaused(config: QueryConfig): QueryConfig {
  const poolId = String(config.values?.[0]);
  const condition = "task_id = any($2::int[])";
  const isRegistered = "exists (select from acme_jobs.workers where pool_id = $1::text for key share)";
  return {
    ...config,
    // Named by the pool: later pools use the same connections, and there a name has one text.
    name: `of_${poolId.slice(poolId.indexOf("-") + 1)}_${config.name ?? ""}`,
    text:
      startOfFetch(poolId) +
      config.text.replace(condition, () => `${condition}\n    and ${isRegistered}\n    and ${isNotPausedSql}`),
  };
}

/**
 * Seconds until the job is due, which are negative, by the clock of the database alone. A number, because the format of a time
 * depends on the session, and local times repeat in autumn. Numbers are subtracted, because times without an end cannot be. One
 * column for both the order and the wait: a row of one more takes a tenth of what a short job takes.
 */
const dueSql = "date_part('epoch', jobs.run_at) - date_part('epoch', now()) as due_in";

/** The statement as Graphile Worker would write it for another number of jobs. */
function withLimit(config: QueryConfig, limit: number): QueryConfig {
  const { name = "", text } = config;
  const usual = nameOfFetch.exec(name)?.[1] ?? "";
  return {
    ...config,
    name: name.replace(usual, String(limit)),
    text: text.replace(`limit ${usual}\n`, `limit ${limit}\n`),
  };
}

/** The statement for certain jobs. */
export function withOnly(config: QueryConfig, jobIds: readonly string[]): QueryConfig {
  const { name, text, values = [] } = config;
  const condition = "task_id = any($2::int[])";
  return {
    ...config,
    ...(name !== undefined && { name: `${name}_only` }),
    text: text.replace(condition, () => `${condition}\n    and jobs.id = any($${values.length + 1}::bigint[])`),
    values: [...(values as readonly unknown[]), jobIds],
  };
}

function withDue(config: QueryConfig): QueryConfig {
  return { ...config, text: config.text.replace("returning *", `returning *, ${dueSql}`) };
}

/**
 * Times and flags stay text. Parsing them would cost as much as the rest of the row, and nothing here reads them
 * parsed.
 */
const unparsed: ReadonlySet<number> = new Set([types.builtins.TIMESTAMPTZ, types.builtins.JSONB]);
const leanTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    unparsed.has(oid) ? (text: string) => text : (types.getTypeParser(oid, format) as (text: string) => unknown),
};
