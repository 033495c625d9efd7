import type { QueryConfig } from "pg";

/** What Graphile Worker takes for the lock of a worker that has died: one that is four hours old, whoever has it. */
const isStale = "where locked_at < now() - interval '4 hours'";

/**
 * The statement by which a pool of Graphile Worker frees such locks, for those alone that no worker of this package has: whether these
 * live is known from their heartbeats. `undefined` for a statement that is not what we know.
 */
export function clearForeignLocks(config: QueryConfig): QueryConfig | undefined {
  const parts = config.text.split(isStale);
  // One of the jobs, one of the named queues.
  if (parts.length !== 3) return undefined;
  const isForeign = "locked_by <> all (array(select pool_id from acme_jobs.workers))";
  return { ...config, name: `foreign_${config.name}`, text: parts.join(`${isStale} and ${isForeign}`) };
}
