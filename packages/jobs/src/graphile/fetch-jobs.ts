import { types, type CustomTypesConfig, type QueryConfig, type QueryResult } from "pg";
import type { FetchSize } from "./fetch-size.ts";
import { startOfFetch } from "./return-jobs.ts";
import type { Slots } from "./slots.ts";

/** Sends a statement over a connection of a pool of Graphile Worker. */
export type Send = (config: QueryConfig) => Promise<QueryResult>;

/** How many jobs a pool takes at once. */
export interface Prefetch {
  readonly size: FetchSize;
  readonly slots: Slots;
  /** There may be more jobs than were taken. */
  readonly onMore: () => void;
}

export const nothing: QueryResult = { rows: [], rowCount: 0, command: "SELECT", oid: 0, fields: [] };

/** How a pool of Graphile Worker takes jobs: with the statement it sends, as many as are worth it, and their rows hardly parsed. */
export function createFetch(prefetch: Prefetch | undefined) {
  return async (config: QueryConfig, send: Send): Promise<QueryResult> => {
    // Without a limit in its name it is one job.
    if (prefetch === undefined || nameOfFetch.exec(config.name ?? "") === null)
      return send({ ...ofRegistered(config), types: leanTypes });
    const { size, slots, onMore } = prefetch;
    const limit = Math.min(size.next(), fewKinds(slots.allowed()));
    if (limit === 0) {
      onMore();
      return nothing;
    }
    const beganAt = performance.now();
    const answer = await send({ ...withLimit(ofRegistered(config), limit), types: leanTypes });
    const got = answer.rows.length;
    size.note({ asked: limit, got, tookMs: performance.now() - beganAt });
    slots.taken(got);
    if (got >= limit) onMore();
    return answer;
  };
}

/** PostgreSQL prepares a statement for each number, so they are powers of two. */
function fewKinds(count: number): number {
  return count < 1 ? 0 : 2 ** Math.floor(Math.log2(count));
}

const nameOfFetch = /^(?:of_[0-9a-f]+_)?get_job(\d+)/;

/**
 * A pool takes jobs only while its row is in the registry, since nobody else would know whose locks those are. Locked, so that whoever removes the row
 * waits for a fetch under way, and none that comes late sees a row that is about to go: the backend of a dead worker may have waited for a table.
 *
 * The comment tells in `pg_stat_activity` whose fetch it is.
 */
function ofRegistered(config: QueryConfig): QueryConfig {
  const poolId = String(config.values?.[0]);
  const condition = "task_id = any($2::int[])";
  const isRegistered = "exists (select from acme_jobs.workers where pool_id = $1::text for key share)";
  return {
    ...config,
    // Pools that follow each other share connections, on which a name has one text.
    name: `of_${poolId.slice(poolId.indexOf("-") + 1)}_${config.name ?? ""}`,
    text: startOfFetch(poolId) + config.text.replace(condition, () => `${condition}\n    and ${isRegistered}`),
  };
}

/** A number, since a session writes times its own way, and in autumn the same one twice. */
const dueSql = "date_part('epoch', jobs.run_at) as due_at";

/** The statement for another number of jobs, as Graphile Worker would write it, and with the time by which they are sorted; it takes what it is given. */
function withLimit(config: QueryConfig, limit: number): QueryConfig {
  const { name = "", text } = config;
  const usual = nameOfFetch.exec(name)?.[1] ?? "";
  return {
    ...config,
    name: name.replace(usual, String(limit)),
    text: text.replace(`limit ${usual}\n`, `limit ${limit}\n`).replace("returning *", `returning *, ${dueSql}`),
  };
}

/** Nobody reads the times of a job here, and its flags are read as text: to parse both costs as much as the rest of the row. */
const unparsed: ReadonlySet<number> = new Set([types.builtins.TIMESTAMPTZ, types.builtins.JSONB]);
const leanTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    unparsed.has(oid) ? (text: string) => text : (types.getTypeParser(oid, format) as (text: string) => unknown),
};
