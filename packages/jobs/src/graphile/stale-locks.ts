import type { QueryConfig } from "pg";

/** Graphile Worker treats every lock that is four hours old as the lock of a dead worker. */
const isStale = "where locked_at < now() - interval '4 hours'";

/**
 * The statement by which a pool of Graphile Worker frees such locks, without those that workers of this package have.
 * Whether these
 * workers live is known from their heartbeats.
 */
export function clearForeignLocks(config: QueryConfig): QueryConfig {
  // The text has one condition for jobs and one for named queues.
  const parts = config.text.split(isStale);
  const isForeign = "locked_by <> all (array(select pool_id from acme_jobs.workers))";
  return { ...config, name: `foreign_${config.name}`, text: parts.join(`${isStale} and ${isForeign}`) };
}
