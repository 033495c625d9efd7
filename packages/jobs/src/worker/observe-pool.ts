import type { ReleasedJobs } from "../graphile/pool-observer.ts";
import { untilAborted } from "@acme/shared/timeout";
import type { Heartbeat } from "./heartbeat.ts";
import type { Settlement } from "./settlement.ts";
import type { SupervisedPoolObserver } from "./supervised-pool.ts";

export interface PoolObserverOptions extends Pick<
  SupervisedPoolObserver,
  "onFetched" | "onWriteFailed" | "onUnknownEngine" | "onBroken"
> {
  readonly settlement: Settlement;
  readonly heartbeat: Heartbeat;
  /** Lets up to `count` idle workers of the pool fetch. */
  readonly nudge: (count: number) => void;
  /** Aborted when the worker stops. */
  readonly stopSignal: AbortSignal;
}

/** Passes what happens to a pool on to the parts of the worker that it concerns. */
export function createPoolObserver(options: PoolObserverOptions): SupervisedPoolObserver {
  const { settlement, heartbeat, nudge, stopSignal } = options;
  return {
    // A database that is away must not keep a pool from stopping before it has begun.
    beforeFirstFetch: (poolId) => untilAborted(stopSignal, heartbeat.register(poolId)),
    beforeFailing: settlement.beforeFailing,
    onReleased(released) {
      settlement.onReleased(released);
      // Graphile Worker looks for the queue's next job before the queue is free, finds none and waits for its next poll.
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
