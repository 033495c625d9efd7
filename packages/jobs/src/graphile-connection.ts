import type { Pool, QueryConfig, QueryResult } from "pg";
import { withQuery } from "./graphile-clients.ts";
import { completeOwned } from "./graphile-complete.ts";
import { kindOf, type StatementKind } from "./graphile-contract.ts";
import { clearForeignLocks } from "./graphile-stale-locks.ts";
import { createLook, type Prefetch, type Send } from "./graphile-look.ts";
import { repeatWhilePassing } from "./unreachable.ts";

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
  /** In seconds, where several were asked for. */
  readonly due_at?: string;
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
  /** Graphile Worker is another one than this package was written for. */
  readonly onUnknown: (error: unknown) => void;
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

interface Write {
  readonly how: ReleasedJobs["how"];
  readonly idsOf: (values: readonly unknown[]) => readonly string[];
}

/**
 * What Graphile Worker writes once a job has ended: doing it twice changes nothing, so a write whose answer was lost may
 * be repeated. Left alone, the first failed one ends its pool.
 */
const writes: Readonly<Record<Extract<StatementKind, "complete" | "fail" | "return">, Write>> = {
  complete: { how: "completed", idsOf: ([ids]) => toList(ids) },
  // Those of a pool that is told to end at once come as a list.
  fail: {
    how: "failed",
    idsOf: ([first, specs]) => (Array.isArray(first) ? toList(first) : toSpecs(specs).map(({ jobId }) => jobId)),
  },
  return: { how: "returned", idsOf: ([, ids]) => toList(ids) },
};

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

  const write = async (config: QueryConfig, { how, idsOf }: Write, send: Send) => {
    const ids = idsOf(config.values ?? []);
    const answer = await repeatWhilePassing(async () => {
      if (how === "failed") await options.beforeFailing(ids);
      return send(how === "completed" ? completeOwned(config, poolId) : config);
    }, options.giveUp);
    const jobs = [];
    for (const id of ids) {
      const job = held.get(id);
      if (job !== undefined) jobs.push(job);
      held.delete(id);
    }
    if (how === "returned" && jobs.length > 0) giveBack(jobs.length);
    options.onReleased({ how, jobs });
    return answer;
  };

  const query = (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const kind = knownKind(config);
    if (kind === "look") return take(config, send);
    if (kind === "name tasks") return nameTasks(config, send);
    return kind === "free old locks" ? send(clearForeignLocks(config)) : track(write(config, writes[kind], send));
  };

  const knownKind = (config: QueryConfig) => {
    try {
      return kindOf(config);
    } catch (error) {
      options.onUnknown(error);
      throw error;
    }
  };

  return {
    pool: withQuery(pool, query),
    held,
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

/** Graphile Worker gives them out in the order of the answer, which is that of their ids. */
function byUrgency(one: TakenRow, other: TakenRow): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.due_at !== other.due_at) return Number(one.due_at) - Number(other.due_at);
  return Number(one.id) - Number(other.id);
}

function toList(ids: unknown): readonly string[] {
  return (Array.isArray(ids) ? ids : [ids]) as string[];
}

function toSpecs(specs: unknown): readonly { readonly jobId: string }[] {
  return JSON.parse(String(specs)) as { jobId: string }[];
}
