import type { QueryConfig, QueryResult } from "pg";
import { retryTransient } from "../database/database-errors.ts";
import { createFetch, nothing, type Prefetch, type Send } from "./fetch-jobs.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { idsOf, type HeldJob } from "./holding.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { Releases } from "./releases.ts";
import { returnOnly } from "./return-jobs.ts";

interface FetchedRow extends HeldJob {
  readonly priority: number;
  /** In seconds, where several were asked for. */
  readonly due_at?: string;
}

export interface FetchInterceptorOptions {
  readonly held: HeldJobs;
  readonly prefetch: Prefetch | undefined;
  readonly observer: Pick<PoolObserver, "onFetch" | "beforeFirstFetch">;
  readonly releases: Releases;
  /** Lets up to `count` idle workers of the pool fetch. */
  readonly nudge: (count: number) => void;
  /** The worker stops, and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

/** The statements by which Graphile Worker asks for jobs. */
export interface FetchInterceptor {
  fetch(config: QueryConfig, send: Send): Promise<QueryResult>;
  /** Asks for the numbers of the tasks. */
  nameTasks(config: QueryConfig, send: Send): Promise<QueryResult>;
}

export function createFetchInterceptor(options: FetchInterceptorOptions): FetchInterceptor {
  const { held, prefetch, observer, releases, nudge } = options;
  const fetchJobs = createFetch(prefetch);
  let opening: Promise<void> | undefined;

  const fetchNow = async (config: QueryConfig, send: Send) => {
    const fetching = held.beginFetch();
    if (fetching === undefined) return nothing;
    const askedAt = performance.now();
    try {
      const answer = await fetchJobs(config, send);
      const holdings = held.hold(answer.rows as HeldJob[], askedAt);
      // Asked after they are in the shared memory: either the other thread has seen them there, or this sees that it has been.
      if (!fetching.isVoid()) return answer;
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
        // Jobs of one named queue may have taken the places of all others in the batch; only the first of them was given out.
        if (prefetch !== undefined && (answer.rows as HeldJob[]).some(isQueued)) nudge(1);
        return answer;
      }),
    // Graphile Worker asks once, and keeps an error for as long as it lives.
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

/** Graphile Worker gives them out in the order of the answer, which is that of their ids. */
function byUrgency(one: FetchedRow, other: FetchedRow): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.due_at !== other.due_at) return Number(one.due_at) - Number(other.due_at);
  return Number(one.id) - Number(other.id);
}
