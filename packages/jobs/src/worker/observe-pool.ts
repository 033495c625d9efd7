import type { ReleasedJobs } from "../graphile/pool-observer.ts";
import { untilAborted } from "@acme/shared/timeout";
import type { Heartbeat } from "./heartbeat.ts";
import type { PoolSettlement } from "./settlement.ts";
import type { SupervisedPoolObserver } from "./supervised-pool.ts";

export interface PoolObserverOptions extends Pick<
  SupervisedPoolObserver,
  "onFetched" | "onWriteFailed" | "onUnknownEngine" | "onBroken"
> {
  readonly settlement: PoolSettlement;
  readonly heartbeat: Heartbeat;
  /** Lets up to `count` idle workers of the pool fetch. */
  readonly nudge: (count: number) => void;
  /** Aborted when the worker stops. */
  readonly stopSignal: AbortSignal;
}

/** Passes the events of a pool to the parts of the worker that need them. */
export function createPoolObserver(options: PoolObserverOptions): SupervisedPoolObserver {
  const { settlement, heartbeat, nudge, stopSignal } = options;
  return {
    // A pool must be able to stop before its first fetch, even if the database is down.
    beforeFirstFetch: (poolId) => untilAborted(stopSignal, heartbeat.register(poolId)),
    beforeFailing: settlement.beforeFailing,
    onReleased(released) {
      settlement.onReleased(released);
      // Graphile Worker fetches before the named queue is free, does not find its next job, and would wait for its next poll.
      const queuedCount = countQueued(released);
      if (queuedCount > 0) nudge(queuedCount);
    },
    onDisowned: settlement.onDisowned,
    onFetched: options.onFetched,
    onWriteFailed: options.onWriteFailed,
    onUnknownEngine: options.onUnknownEngine,
    onBroken: options.onBroken,
  };
}

function countQueued({ jobs }: ReleasedJobs): number {
  return jobs.reduce((count, job) => (job.job_queue_id === null ? count : count + 1), 0);
}
