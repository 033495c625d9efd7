import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import { completeOwned } from "./graphile-complete.ts";
import { clearForeignLocks } from "./graphile-stale-locks.ts";
import { lockedAmong } from "./graphile-locks.ts";
import { createLook, type Prefetch, type Send } from "./graphile-look.ts";
import { isUnreachable, repeatWhilePassing } from "./unreachable.ts";

/** A job that a pool of Graphile Worker has been given and not yet written back: the row of its table. */
export interface HeldJob {
  readonly id: string;
  /** How often it has been locked. */
  readonly attempts: number;
  /** `null` for one of no named queue. */
  readonly job_queue_id: number | null;
}

interface TakenRow extends HeldJob {
  readonly priority: number;
  readonly run_at: string;
}

/** What a pool has just written about jobs: they are free, or gone, from now on. */
export interface ReleasedJobs {
  readonly how: "completed" | "failed" | "returned";
  readonly jobs: readonly HeldJob[];
}

export interface GraphileConnectionOptions {
  /** The pool may take jobs once this has resolved; asked with its id before the first. */
  readonly onFirstTake: (poolId: string) => Promise<void>;
  /** Jobs of named queues were among those given out. */
  readonly onQueuedTaken: () => void;
  readonly onReleased: (released: ReleasedJobs) => void;
  /** These failed jobs are about to be released; asked again when that is repeated. */
  readonly beforeFailing: (jobIds: readonly string[]) => Promise<void>;
  /** The pool asks for jobs; called again with the end of that. After an error some may be locked without its knowing. */
  readonly onLook: () => (failure?: { readonly error: unknown }) => void;
  /** How many jobs are taken at once; without it, as many as Graphile Worker asks for. */
  readonly prefetch?: Prefetch | undefined;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
  /** The worker stops, and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

/** The connections of one pool of Graphile Worker, with an eye on what goes over them. */
export interface GraphileConnection {
  readonly pool: Pool;
  /** Jobs that were given out and not written back. */
  readonly held: ReadonlyMap<string, HeldJob>;
  /** Resolves when nothing about jobs is being written. */
  settled(): Promise<void>;
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
  let poolId = "";
  let opening: Promise<void> | undefined;

  const look = createLook(options.prefetch);
  const take = async (config: QueryConfig, send: Send) => {
    poolId = String(config.values?.[0]);
    const ended = options.onLook();
    try {
      await (opening ??= options.onFirstTake(poolId));
      const answer = await look(config, send);
      answer.rows.sort(byUrgency);
      let queuedCount = 0;
      for (const job of answer.rows as HeldJob[]) {
        held.set(job.id, job);
        if (job.job_queue_id !== null) queuedCount += 1;
      }
      if (queuedCount > 0) options.onQueuedTaken();
      ended();
      return answer;
    } catch (error) {
      ended({ error });
      throw error;
    }
  };

  // Graphile Worker asks once, and keeps an error for as long as it lives.
  const nameTasks = async (config: QueryConfig, send: Send) => {
    const ended = options.onLook();
    try {
      const answer = await repeatWhilePassing(() => send(config), options.stopSignal);
      ended();
      return answer;
    } catch (error) {
      ended({ error });
      throw error;
    }
  };

  const underWay = new Set<Promise<unknown>>();
  const track = (writing: Promise<QueryResult>) => {
    underWay.add(writing);
    const forget = () => underWay.delete(writing);
    writing.then(forget, forget);
    return writing;
  };

  /** Graphile Worker tells nobody; other workers would find them by their poll. */
  const giveBack = (count: number) => {
    options.prefetch?.slots.gaveBack(count);
    pool
      .query("select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)", [count])
      .catch(() => undefined);
  };

  const write = async (config: QueryConfig, { how, idsOf }: (typeof writes)[number], send: Send) => {
    const ids = idsOf(config.values ?? []);
    const answer = await repeatWhilePassing(async () => {
      if (how === "failed") await options.beforeFailing(ids);
      if (how !== "completed") return send(config);
      return send(completeOwned(config, poolId) ?? withIds(config, await lockedAmong(pool, poolId, ids)));
    }, options.giveUp);
    const jobs = [];
    for (const id of ids) {
      const job = held.get(id);
      if (job !== undefined) jobs.push(job);
      held.delete(id);
    }
    if (how === "returned") giveBack(jobs.length);
    options.onReleased({ how, jobs });
    return answer;
  };

  const query = (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const name = config.name ?? "";
    if (name.startsWith("get_job")) return take(config, send);
    if (config.text?.includes("_private_tasks as tasks")) return nameTasks(config, send);
    if (name.startsWith("clear_stale_locks")) return sendOrSkip(clearForeignLocks(config), send);
    const kind = writes.find(({ pattern }) => pattern.test(name));
    return kind === undefined ? send(config) : track(write(config, kind, send));
  };

  return {
    pool: withQuery(pool, query),
    held,
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

async function sendOrSkip(config: QueryConfig | undefined, send: Send): Promise<QueryResult> {
  return config ? send(config) : { rows: [], rowCount: 0, command: "", oid: 0, fields: [] };
}

/** Graphile Worker gives them out in the order of the answer, which is that of their ids. Times are text here, of one session. */
function byUrgency(one: TakenRow, other: TakenRow): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.run_at !== other.run_at) return one.run_at < other.run_at ? -1 : 1;
  return Number(one.id) - Number(other.id);
}

/** For a statement of another text than ours: what others have taken is theirs to complete. */
function withIds(config: QueryConfig, ids: readonly string[]): QueryConfig {
  const [asked, ...rest] = config.values as unknown[];
  // The statement for a single job deletes nothing for null.
  return { ...config, values: [Array.isArray(asked) ? ids : (ids[0] ?? null), ...rest] };
}

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
      // Whatever comes between two tries may need a connection of the same pool: nobody may wait there with one in hand.
      client?.release(isUnreachable(error));
      client = undefined;
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

function toList(ids: unknown): readonly string[] {
  return (Array.isArray(ids) ? ids : [ids]) as string[];
}

function toSpecs(specs: unknown): readonly { readonly jobId: string }[] {
  return JSON.parse(String(specs)) as { jobId: string }[];
}
