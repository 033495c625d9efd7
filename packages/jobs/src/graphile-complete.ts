import type { QueryConfig } from "pg";

/**
 * The statement by which a pool of Graphile Worker removes completed jobs, for those alone that it has still locked. Graphile Worker
 * deletes a completed job whoever has locked it by now, and with it the other's right to free its named queue; one of that number in a
 * database that was made anew, too. `undefined` for a statement that is not what we know.
 */
export function completeOwned(config: QueryConfig, poolId: string): QueryConfig | undefined {
  const [kind = ""] = (config.name ?? "").split("/", 1);
  const known = statements.get(kind);
  const [before, after, ...others] = known === undefined ? [] : config.text.split(known.condition);
  if (known === undefined || before === undefined || after === undefined || others.length > 0) return undefined;
  const [ids] = config.values ?? [];
  return {
    ...config,
    // Of another text than the engine's, and so of another name: a connection keeps the first text that it has prepared.
    name: `owned_${config.name}`,
    text: `${before}${known.condition} and jobs.locked_by = $2::text${after}`,
    values: [ids, poolId],
  };
}

/** By the first part of their names. A job of a named queue brings the id of the pool along by itself. */
const statements: ReadonlyMap<string, { readonly condition: string }> = new Map([
  ["complete_job", { condition: "where id = $1::bigint" }],
  ["complete_jobs", { condition: "where id = n" }],
  ["complete_job_q", { condition: "where id = n" }],
]);
