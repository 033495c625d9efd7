import type { QueryConfig, QueryResult } from "pg";
import { retryTransient } from "../database/database-errors.ts";
import { createFetch, nothing, withOnly, type FetchGate, type Prefetch, type Send } from "./fetch-jobs.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { idsOf, type HeldJob } from "./holding.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { Releases } from "./releases.ts";
import { returnOnly } from "./return-jobs.ts";

interface FetchedRow extends HeldJob {
  readonly priority: number;
  /** In seconds. */
  readonly due_in: number;
}

export interface FetchInterceptorOptions {
  readonly held: HeldJobs;
  readonly prefetch: Prefetch | undefined;
  readonly gate?: FetchGate | undefined;
  readonly observer: Pick<PoolObserver, "onFetch" | "beforeFirstFetch">;
  readonly releases: Releases;
  /** Lets up to `count` idle workers of the pool fetch. */
  readonly nudge: (count: number) => void;
  /** Aborted when the worker stops and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

/** Handles the statements by which Graphile Worker fetches jobs. */
export interface FetchInterceptor {
  fetch(config: QueryConfig, send: Send): Promise<QueryResult>;
  /** Reads the ids of the tasks. */
  nameTasks(config: QueryConfig, send: Send): Promise<QueryResult>;
}

export function createFetchInterceptor(options: FetchInterceptorOptions): FetchInterceptor {
  const { held, prefetch, gate, observer, releases, nudge } = options;
  const fetchJobs = createFetch(prefetch);
  let opening: Promise<void> | undefined;

  const fetchNow = async (config: QueryConfig, send: Send) => {
    const only = gate?.next();
    if (only?.length === 0) return nothing;
    const fetching = held.beginFetch();
    if (fetching === undefined) return nothing;
    const askedAt = performance.now();
    try {
      const answer = await fetchJobs(only ? withOnly(config, only) : config, send);
      const holdings = held.hold(answer.rows as HeldJob[], askedAt);
      // Checked after the jobs are in the shared memory: either the watching thread has seen them there, or its round is
      // noticed here.
      if (!fetching.isVoid()) {
        gate?.fetched(idsOf(holdings));
        return answer;
      }
      held.letGo(holdings);
      if (holdings.length > 0) await send(returnOnly(poolIdOf(config), idsOf(holdings)));
      releases.release("returned", holdings);
      return nothing;
    } finally {
      fetching.ended();
      releases.reopen();
    }
  };

  const observed = async (work: () => Promise<QueryResult>) => {
    const ended = observer.onFetch();
    try {
      const answer = await work();
      ended();
      return answer;
    } catch (error) {
      ended({ error });
      throw error;
    }
  };

  return {
    fetch: (config, send) =>
      observed(async () => {
        await (opening ??= observer.beforeFirstFetch(poolIdOf(config)));
        const answer = await fetchNow(config, send);
        answer.rows.sort(byUrgency);
        // Graphile Worker returns only the first job of a named queue. Others of the queue may have kept further jobs out of the
        // batch.
        if (prefetch !== undefined && (answer.rows as HeldJob[]).some(isQueued)) nudge(1);
        return answer;
      }),
    // Repeated here, because Graphile Worker asks only once, and keeps an error for the rest of its life.
    nameTasks: (config, send) => retryTransient(() => observed(() => send(config)), options.stopSignal),
  };
}

/** The first parameter of a fetch. */
export function poolIdOf(config: QueryConfig): string {
  return String(config.values?.[0]);
}

function isQueued({ job_queue_id }: HeldJob): boolean {
  return job_queue_id !== null;
}

/** Sorted, because Graphile Worker runs jobs in the order of the answer, which is the order of their ids. */
function byUrgency(one: FetchedRow, other: FetchedRow): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.due_in !== other.due_in) return one.due_in - other.due_in;
  return Number(one.id) - Number(other.id);
}
