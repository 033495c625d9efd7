import type { QueryConfig } from "pg";

/** What Graphile Worker takes for the lock of a worker that has died: one that is four hours old, whoever has it. */
const isStale = "where locked_at < now() - interval '4 hours'";

/**
 * The statement by which a pool of Graphile Worker frees such locks, for those alone that no worker of this package has: whether these
 * live is known from their heartbeats.
 */
export function clearForeignLocks(config: QueryConfig): QueryConfig {
  // One of the jobs, one of the named queues.
  const parts = config.text.split(isStale);
  const isForeign = "locked_by <> all (array(select pool_id from acme_jobs.workers))";
  return { ...config, name: `foreign_${config.name}`, text: parts.join(`${isStale} and ${isForeign}`) };
}
