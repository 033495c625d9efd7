import { setTimeout as pause } from "node:timers/promises";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import type { LockedJob } from "../graphile/locked-job.ts";
import { startGraphilePool, type GraphilePool, type GraphilePoolOptions } from "../graphile/pool.ts";
import type { Failure, PoolObserver } from "../graphile/pool-observer.ts";
import { withTimeout } from "@acme/shared/timeout";
import { watchLostLocks } from "./lost-locks.ts";
import { createProgress } from "./progress.ts";

/** One pool of Graphile Worker, from its start until it has drained. */
export interface SupervisedPool {
  readonly pool: GraphilePool;
  /** Whether it gets jobs where there are any. One that has stopped to ask for them is broken. */
  makesProgress(): boolean;
  /** The answer to a question for jobs was lost, and whether it had locked some is not known yet. */
  readonly mayHaveLostLocks: boolean;
  /** Ends it as broken. */
  breakOff(why: string): void;
  /** Resolves once its jobs have ended and nothing more of it will be written, within a minute. */
  drain(): Promise<void>;
}

/** Is told what happens to a supervised pool. */
export interface SupervisedPoolObserver extends Omit<PoolObserver, "onFetch" | "onFatal"> {
  /** A fetch has ended. */
  onFetched(failure?: Failure): void;
  /** The pool must be replaced. */
  onBroken(broken: SupervisedPool, why: string, error?: unknown): void;
}

export interface SupervisedPoolOptions extends Omit<GraphilePoolOptions, "run" | "observer"> {
  /** Calls `onEnd` once the run has ended, however it did. */
  readonly run: (job: LockedJob, onEnd: () => void) => Promise<void>;
  /** Milliseconds between two checks for locked jobs that the pool does not know of. */
  readonly checkLocksEveryMs: number;
  readonly observer: SupervisedPoolObserver;
}

/** Jobs of a broken pool that run longer than this may be run a second time beside themselves. */
const longestDrainMs = 60_000;
/** For the last write of a job that has just ended. */
const writePauseMs = 250;

export async function startSupervisedPool(options: SupervisedPoolOptions): Promise<SupervisedPool> {
  const { observer } = options;
  let stopping: Promise<void> | undefined;
  let wasSilent = false;
  const runs = countRuns(options.run);
  const progress = createProgress({ ...options, isBusy: () => pool.heldCount > 0 });
  const locks = watchLostLocks({
    db: withQueryTimeout(options.pgPool, promptlyMs),
    pool: () => pool,
    everyMs: options.checkLocksEveryMs,
    stopSignal: options.stopSignal,
    // Unlike one that failed, this pool would go on.
    onLost: () => breakOff("jobs were locked without the worker's knowing"),
  });

  const breakOff = (why: string) => {
    // The stop of the worker ends it, and waits for its jobs.
    if (options.stopSignal.aborted) return;
    stopping = pool.stop().catch(() => undefined);
    observer.onBroken(supervised, why);
  };

  const pool = await startGraphilePool({
    ...options,
    run: runs.run,
    observer: {
      ...observer,
      onFetch() {
        const ended = progress.beginFetch();
        const answered = locks.beginFetch();
        return (failure) => {
          ended(failure?.error);
          observer.onFetched(failure);
          answered(failure !== undefined);
        };
      },
      onFatal: (error) => observer.onBroken(supervised, "the worker could not write what became of a job", error),
    },
  });
  const untilWritten = async () => {
    await Promise.all([runs.untilIdle(), stopping]);
    await pause(writePauseMs);
    // The database may refuse it for a while.
    await pool.settled();
  };
  const supervised: SupervisedPool = {
    pool,
    breakOff,
    get mayHaveLostLocks() {
      return locks.mayBeLost;
    },
    makesProgress() {
      const { state } = progress;
      if (state === "silent" && wasSilent) breakOff("the worker has stopped fetching jobs");
      wasSilent = state === "silent";
      return state === "going on";
    },
    async drain() {
      locks.end();
      await withTimeout(longestDrainMs, untilWritten()).catch(() => undefined);
      await pool.unwatch();
    },
  };
  return supervised;
}

function countRuns(run: SupervisedPoolOptions["run"]) {
  let count = 0;
  let onIdle: (() => void) | undefined;
  const onEnd = () => {
    count -= 1;
    if (count === 0) onIdle?.();
  };
  return {
    run(job: LockedJob): Promise<void> {
      count += 1;
      return run(job, onEnd);
    },
    untilIdle: () => new Promise<void>((resolve) => (count === 0 ? resolve() : (onIdle = resolve))),
  };
}
