import type { Pool, QueryConfig, QueryResult } from "pg";
import type { FetchGate, Prefetch, Send } from "./fetch-jobs.ts";
import { createFetchInterceptor, poolIdOf } from "./fetch-interceptor.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { sendAlone, withQuery } from "./intercepted-clients.ts";
import { writes } from "./job-writes.ts";
import type { PoolObserver } from "./pool-observer.ts";
import { createReleases } from "./releases.ts";
import { clearForeignLocks } from "./stale-locks.ts";
import { kindOf } from "./statement-kinds.ts";
import { createWriteInterceptor } from "./write-interceptor.ts";

export interface QueryInterceptorOptions {
  readonly observer: Omit<PoolObserver, "onFatal">;
  /** The jobs that the pool holds. */
  readonly held: HeldJobs;
  /** How many jobs to fetch at once. Without it, as many as Graphile Worker asks for. */
  readonly prefetch?: Prefetch | undefined;
  readonly gate?: FetchGate | undefined;
  /** Lets idle workers of the pool fetch: up to `count` of them, or all without `count`. */
  readonly nudge: (count?: number) => void;
  /** Whether the pool is shutting down. */
  readonly isEnding: () => boolean;
  /** Aborted when the stop no longer waits for the last writes. */
  readonly giveUp: AbortSignal;
  /** Aborted when the worker stops and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

/** The connections of one pool of Graphile Worker. All its statements pass through here. */
export interface InterceptedConnections {
  readonly pool: Pool;
  /** Resolves when no write about jobs is under way. */
  settled(): Promise<void>;
}

export function interceptQueries(pool: Pool, options: QueryInterceptorOptions): InterceptedConnections {
  const { observer, held, prefetch, nudge } = options;
  let poolId = "";
  const releases = createReleases({ pool, held, slots: prefetch?.slots, observer, onReopened: () => nudge() });
  const fetches = createFetchInterceptor({ ...options, prefetch, releases });
  const written = createWriteInterceptor({
    ...options,
    releases,
    poolId: () => poolId,
    sendAlone: sendAlone(pool),
  });

  const query = (config: QueryConfig, send: Send): Promise<QueryResult> => {
    const kind = knownKind(config);
    if (kind === "name tasks") return fetches.nameTasks(config, send);
    if (kind === "free old locks") return send(clearForeignLocks(config));
    if (kind !== "fetch") return written.write(config, writes[kind], send);
    poolId = poolIdOf(config);
    return fetches.fetch(config, send);
  };

  const knownKind = (config: QueryConfig) => {
    try {
      return kindOf(config);
    } catch (error) {
      observer.onUnknownEngine(error);
      throw error;
    }
  };

  return { pool: withQuery(pool, query), settled: written.settled };
}
