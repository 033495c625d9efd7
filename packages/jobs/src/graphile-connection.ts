import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import { isUnreachable, repeatWhilePassing } from "./unreachable.ts";

/** A job that a pool of Graphile Worker has been given and not yet written back. */
export interface HeldJob {
  readonly jobId: string;
  readonly lockCount: number;
  readonly isQueued: boolean;
}

/** What a pool has just written about jobs: they are free, or gone, from now on. */
export interface ReleasedJobs {
  readonly how: "completed" | "failed" | "returned";
  readonly jobs: readonly HeldJob[];
}

export interface GraphileConnectionOptions {
  /** The pool may take jobs once this has resolved; asked with its id before the first. */
  readonly onFirstTake: (poolId: string) => Promise<void>;
  readonly onReleased: (released: ReleasedJobs) => void;
  /** The pool asked for jobs and got an error instead of an answer: some may be locked without its knowing. */
  readonly onAnswerLost: () => void;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
}

/** The connections of one pool of Graphile Worker, with an eye on what goes over them. */
export interface GraphileConnection {
  readonly pool: Pool;
  holds(jobId: string): boolean;
}

/**
 * What Graphile Worker writes once a job has ended: doing it twice changes nothing, so a write whose answer was lost may
 * be repeated. Left alone, the first failed one ends its pool.
 */
const writes = [
  { pattern: /^complete_job/, how: "completed", idsOf: ([ids]) => toList(ids) },
  { pattern: /^fail_jobs/, how: "failed", idsOf: ([ids]) => toList(ids) },
  { pattern: /^fail_job/, how: "failed", idsOf: ([, specs]) => toSpecs(specs).map(({ jobId }) => jobId) },
  { pattern: /^return_job/, how: "returned", idsOf: ([, ids]) => toList(ids) },
] as const satisfies {
  readonly pattern: RegExp;
  readonly how: ReleasedJobs["how"];
  readonly idsOf: (values: readonly unknown[]) => readonly string[];
}[];

export function watchConnection(pool: Pool, options: GraphileConnectionOptions): GraphileConnection {
  const held = new Map<string, HeldJob>();
  let opening: Promise<void> | undefined;

  const take = async (config: QueryConfig, send: Send) => {
    await (opening ??= options.onFirstTake(String(config.values?.[0])));
    try {
      const answer = await send(config);
      for (const row of answer.rows as JobRow[]) held.set(row.id, toHeldJob(row));
      return answer;
    } catch (error) {
      options.onAnswerLost();
      throw error;
    }
  };

  const write = async (config: QueryConfig, { how, idsOf }: (typeof writes)[number], send: Send) => {
    const answer = await repeatWhilePassing(() => send(config), options.giveUp);
    const jobs = idsOf(config.values ?? [])
      .map((id) => held.get(id))
      .filter((job) => job !== undefined);
    for (const { jobId } of jobs) held.delete(jobId);
    options.onReleased({ how, jobs });
    return answer;
  };

  const query = (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const name = config.name ?? "";
    if (name.startsWith("get_job")) return take(config, send);
    const kind = writes.find(({ pattern }) => pattern.test(name));
    return kind === undefined ? send(config) : write(config, kind, send);
  };

  return {
    pool: withQuery(pool, query),
    holds: (jobId) => held.has(jobId),
  };
}

type Send = (config: QueryConfig) => Promise<QueryResult>;

/** The pool, with every query of the clients it checks out passed through `query`. */
function withQuery(pool: Pool, query: (config: QueryConfig, send: Send) => Promise<QueryResult>): Pool {
  return new Proxy(pool, {
    get(target, property) {
      // The callback form is the listener's, which neither takes nor writes.
      if (property === "connect") {
        return async (...callback: [] | Parameters<Pool["connect"]>) =>
          callback.length === 0 ? lasting(target, query) : target.connect(...callback);
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The two methods that Graphile Worker uses of a client it checks out. Connects with the query, to connect again with it. */
function lasting(
  pool: Pool,
  query: (config: QueryConfig, send: Send) => Promise<QueryResult>,
): Pick<PoolClient, "query" | "release"> {
  let client: PoolClient | undefined;

  const send: Send = async (config) => {
    try {
      client ??= await pool.connect();
      return await client.query(config);
    } catch (error) {
      if (isUnreachable(error)) {
        client?.release(true);
        client = undefined;
      }
      throw error;
    }
  };

  return {
    query: ((config: QueryConfig) => query(config, send)) as PoolClient["query"],
    release(error) {
      client?.release(error);
      client = undefined;
    },
  };
}

interface JobRow {
  readonly id: string;
  readonly attempts: number;
  readonly job_queue_id: number | null;
}

function toHeldJob(row: JobRow): HeldJob {
  return { jobId: row.id, lockCount: row.attempts, isQueued: row.job_queue_id !== null };
}

function toList(ids: unknown): readonly string[] {
  return (Array.isArray(ids) ? ids : [ids]) as string[];
}

function toSpecs(specs: unknown): readonly { readonly jobId: string }[] {
  return JSON.parse(String(specs)) as { jobId: string }[];
}
