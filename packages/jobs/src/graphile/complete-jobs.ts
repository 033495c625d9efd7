import type { QueryConfig } from "pg";

/**
 * The statement by which a pool of Graphile Worker removes completed jobs, restricted to jobs that this pool has still locked.
 * Graphile Worker itself deletes a completed job even if another worker has locked it by now, and then that worker cannot free
 * the named queue. It would also delete a job with the same id in a database that was created anew. The statement for a job of
 * a named queue has the id of the pool among its values already.
 */
export function completeOwned(config: QueryConfig, poolId: string): QueryConfig {
  const [ids] = config.values ?? [];
  return {
    ...config,
    // The text differs from Graphile Worker's, so the name must, too: a connection keeps the first text prepared under a name.
    name: `owned_${config.name}`,
    text: config.text.replace(condition, "$& and jobs.locked_by = $2::text"),
    values: [ids, poolId],
  };
}

/** The condition, for one job or for several. */
const condition = /where id = (?:\$1::bigint|n\b)/;
