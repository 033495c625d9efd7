import type { Pool, QueryConfig, QueryResult } from "pg";
import { withQuery } from "./intercepted-clients.ts";
import { completeOwned } from "./complete-jobs.ts";
import { kindOf } from "./statement-kinds.ts";
import { createFetch, nothing, type Prefetch, type Send } from "./fetch-jobs.ts";
import { announce, returnOnly } from "./return-jobs.ts";
import { clearForeignLocks } from "./stale-locks.ts";
import { writes, type Write } from "./job-writes.ts";
import type { HeldJobs } from "./held-jobs.ts";
import type { HeldJob, Holding } from "./holding.ts";
import { retryTransient } from "../database/database-errors.ts";

interface TakenRow extends HeldJob {
  readonly priority: number;
  /** In seconds, where several were asked for. */
  readonly due_at?: string;
}

/** What a pool has just written about jobs: they are free, or gone, from now on. */
export interface ReleasedJobs {
  readonly how: Write["how"];
  readonly jobs: readonly HeldJob[];
}

export interface GraphileConnectionOptions {
  /** The pool may take jobs once this has resolved; asked with its id before the first. */
  readonly onFirstTake: (poolId: string) => Promise<void>;
  /** Jobs of named queues were among those given out. */
  readonly onQueuedTaken: () => void;
  /** Jobs of it were taken back, and have all passed through: it may take others again. */
  readonly onReopened: () => void;
  readonly onReleased: (released: ReleasedJobs) => void;
  /** Runs of these have ended, and nothing of that was written: their locks had gone. */
  readonly onDisowned: (jobIds: readonly string[]) => void;
  /** These failed jobs are about to be released; asked again when that is repeated. */
  readonly beforeFailing: (jobIds: readonly string[]) => Promise<void>;
  /** The pool asks for jobs; called again with the end of that. After an error some may be locked without its knowing. */
  readonly onFetch: () => (failure?: { readonly error: unknown }) => void;
  /** The jobs that were given out and not written back. */
  readonly held: HeldJobs;
  /** How many jobs are taken at once; without it, as many as Graphile Worker asks for. */
  readonly prefetch?: Prefetch | undefined;
  /** Whether the pool is shutting down. */
  readonly isEnding: () => boolean;
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
  /** Resolves when nothing about jobs is being written. */
  settled(): Promise<void>;
}

export function watchConnection(pool: Pool, options: GraphileConnectionOptions): GraphileConnection {
  const { held } = options;
  let poolId = "";
  let opening: Promise<void> | undefined;
  const reopen = () => {
    if (held.reopens()) options.onReopened();
  };

  const fetch = createFetch(options.prefetch);
  const takeNow = async (config: QueryConfig, send: Send) => {
    const fetching = held.beginFetch();
    if (fetching === undefined) return nothing;
    try {
      const answer = await fetch(config, send);
      const holdings = held.hold(answer.rows as HeldJob[]);
      // Asked after they are in the shared memory: either the other thread has seen them there, or this sees that it has been.
      if (!fetching.isVoid()) return answer;
      held.letGo(holdings);
      if (holdings.length > 0) await send(returnOnly(poolId, idsOf(holdings)));
      release("returned", holdings);
      return nothing;
    } finally {
      fetching.ended();
      reopen();
    }
  };
  const take = async (config: QueryConfig, send: Send) => {
    poolId = String(config.values?.[0]);
    const ended = options.onFetch();
    try {
      await (opening ??= options.onFirstTake(poolId));
      const answer = await takeNow(config, send);
      answer.rows.sort(byUrgency);
      if ((answer.rows as HeldJob[]).some(isQueued)) options.onQueuedTaken();
      ended();
      return answer;
    } catch (error) {
      ended({ error });
      throw error;
    }
  };

  // Graphile Worker asks once, and keeps an error for as long as it lives.
  const nameTasks = (config: QueryConfig, send: Send) =>
    retryTransient(async () => {
      const ended = options.onFetch();
      try {
        const answer = await send(config);
        ended();
        return answer;
      } catch (error) {
        ended({ error });
        throw error;
      }
    }, options.stopSignal);

  const underWay = new Set<Promise<unknown>>();
  const track = (writing: Promise<QueryResult>) => {
    underWay.add(writing);
    const forget = () => underWay.delete(writing);
    writing.then(forget, forget);
    return writing;
  };

  const release = (how: Write["how"], holdings: readonly Holding[]) => {
    if (holdings.length === 0) return;
    if (how === "returned") gaveBack(holdings.length);
    options.onReleased({ how, jobs: holdings.map(({ job }) => job) });
  };
  const gaveBack = (count: number) => {
    options.prefetch?.slots.gaveBack(count);
    pool.query(announce(count)).catch(() => undefined);
  };

  const write = async (config: QueryConfig, kind: Write, send: Send) => {
    const ids = kind.idsOf(config.values ?? []);
    const holdings = held.end(ids, kind.how === "returned" ? "returned" : "run");
    const takenBack = new Set(held.takenBackAmong(holdings));
    const isWritten = (holding: Holding) => !holding.isDisowned && !takenBack.has(holding);
    const written = holdings.filter(isWritten);
    const left = holdings.filter((holding) => !isWritten(holding));
    try {
      const others = withoutJobs(config, kind, left, written);
      const answer = left.length < ids.length ? await writeAsIs(others, kind, send) : nothing;
      // Whatever Graphile Worker has to say of them. The other thread may not have got through to the database.
      if (takenBack.size > 0) {
        await retryTransient(() => send(returnOnly(poolId, idsOf(takenBack))), options.giveUp);
      }
      held.letGo(holdings);
      release(kind.how, written);
      release("returned", [...takenBack]);
      leave(left.filter(({ isDisowned }) => isDisowned));
      reopen();
      return answer;
    } catch (error) {
      held.keep(holdings);
      // A pool that shuts down does not wait for what it gives back: the error would end the process. What is held still tells that it was not written.
      if (kind.how === "returned" && options.isEnding()) return nothing;
      throw error;
    }
  };
  /** Nothing is written of them: their rows are others'. */
  const leave = (disowned: readonly Holding[]) => {
    const begun = disowned.filter(({ hasBegun }) => hasBegun);
    if (begun.length > 0) options.onDisowned(idsOf(begun));
    options.prefetch?.slots.gaveBack(disowned.length - begun.length);
  };
  const writeAsIs = (config: QueryConfig, { how, idsOf: idsIn }: Write, send: Send) =>
    retryTransient(async () => {
      if (how === "failed") await options.beforeFailing(idsIn(config.values ?? []));
      return send(how === "completed" ? completeOwned(config, poolId) : config);
    }, options.giveUp);

  const query = (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const kind = knownKind(config);
    if (kind === "fetch") return take(config, send);
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
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

/** A number stays where any job of it is to be written. */
function withoutJobs(
  config: QueryConfig,
  { without }: Write,
  left: readonly Holding[],
  written: readonly Holding[],
): QueryConfig {
  if (left.length === 0) return config;
  const [leftIds, writtenIds] = [new Set(idsOf(left)), new Set(idsOf(written))];
  const isLeftOut = (jobId: string) => leftIds.has(jobId) && !writtenIds.has(jobId);
  return { ...config, values: without(config.values ?? [], isLeftOut) };
}

function idsOf(holdings: Iterable<Holding>): string[] {
  return Array.from(holdings, ({ job }) => job.id);
}

function isQueued({ job_queue_id }: HeldJob): boolean {
  return job_queue_id !== null;
}

/** Graphile Worker gives them out in the order of the answer, which is that of their ids. */
function byUrgency(one: TakenRow, other: TakenRow): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.due_at !== other.due_at) return Number(one.due_at) - Number(other.due_at);
  return Number(one.id) - Number(other.id);
}
