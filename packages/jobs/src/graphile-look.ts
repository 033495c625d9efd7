import { types, type CustomTypesConfig, type QueryConfig, type QueryResult } from "pg";
import type { PrefetchSize } from "./prefetch-size.ts";

/** Sends a statement over a connection of a pool of Graphile Worker. */
export type Send = (config: QueryConfig) => Promise<QueryResult>;

/** How a pool of Graphile Worker takes jobs: with the statement it sends, as many as are worth it, and their rows hardly parsed. */
export function createLook(prefetchSize: PrefetchSize | undefined) {
  return async (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const asked = prefetchSize && withLimit(config, prefetchSize.next());
    if (prefetchSize === undefined || asked === undefined) return send({ ...config, types: leanTypes });
    const beganAt = performance.now();
    const answer = await send({ ...asked.config, types: leanTypes });
    prefetchSize.note({ asked: asked.limit, got: answer.rows.length, tookMs: performance.now() - beganAt });
    return answer;
  };
}

/**
 * The statement for more jobs, as Graphile Worker would write and name it; it takes what it is given. `undefined` for one that is
 * not what we know.
 */
function withLimit(
  config: QueryConfig,
  limit: number,
): { readonly config: QueryConfig; readonly limit: number } | undefined {
  const usual = /^get_job(\d+)/.exec(config.name ?? "")?.[1];
  const [before, after, ...others] = config.text.split(`limit ${usual}\n`);
  if (usual === undefined || before === undefined || after === undefined || others.length > 0) return undefined;
  if (limit === Number(usual)) return { config, limit };
  const name = config.name?.replace(usual, String(limit));
  return { config: { ...config, ...(name && { name }), text: `${before}limit ${limit}\n${after}` }, limit };
}

/** Nobody reads the times of a job here, and its flags are read as text: to parse both costs as much as the rest of the row. */
const unparsed: ReadonlySet<number> = new Set([types.builtins.TIMESTAMPTZ, types.builtins.JSONB]);
const leanTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    unparsed.has(oid) ? (text: string) => text : (types.getTypeParser(oid, format) as (text: string) => unknown),
};
