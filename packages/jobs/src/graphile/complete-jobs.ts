import type { QueryConfig } from "pg";

/**
 * The statement by which a pool of Graphile Worker removes completed jobs, for those alone that it has still locked. Graphile Worker
 * deletes a completed job whoever has locked it by now, and with it the other's right to free its named queue; one of that number in a
 * database that was made anew, too. A job of a named queue brings the id of the pool along by itself.
 */
export function completeOwned(config: QueryConfig, poolId: string): QueryConfig {
  const [ids] = config.values ?? [];
  return {
    ...config,
    // Of another text than the engine's, and so of another name: a connection keeps the first text that it has prepared.
    name: `owned_${config.name}`,
    text: config.text.replace(condition, "$& and jobs.locked_by = $2::text"),
    values: [ids, poolId],
  };
}

/** Of one job, or of several. */
const condition = /where id = (?:\$1::bigint|n\b)/;
