import { setTimeout as pause } from "node:timers/promises";
import { startGraphilePool, type GraphilePool, type GraphilePoolOptions, type LockedJob } from "../graphile/pool.ts";
import { withTimeout } from "../timeout.ts";
import { findLostLocks } from "./lost-locks.ts";
import { createProgress } from "./progress.ts";

/** One pool of Graphile Worker, from its start until it has drained. */
export interface SupervisedPool {
  readonly pool: GraphilePool;
  /** Whether it gets jobs where there are any. One that has stopped to ask for them is broken. */
  makesProgress(): boolean;
  /** The answer to a question for jobs was lost, and whether it had locked some is not known yet. */
  readonly mayHaveLostLocks: boolean;
  /** Resolves once its jobs have ended and nothing more of it will be written, within a minute. */
  drain(): Promise<void>;
}

export interface SupervisedPoolOptions extends Omit<GraphilePoolOptions, "run" | "onFatal" | "onFetch"> {
  /** Calls `onEnd` once the run has ended, however it did. */
  readonly run: (job: LockedJob, onEnd: () => void) => Promise<void>;
  /** Milliseconds between two checks for locked jobs that the pool does not know of. */
  readonly checkLocksEveryMs: number;
  /** A fetch has ended. */
  readonly onFetched: (failure?: { readonly error: unknown }) => void;
  /** The pool must be replaced. */
  readonly onBroken: (life: SupervisedPool, why: string, error?: unknown) => void;
}

/** Jobs of a broken pool that run longer than this may be run a second time beside themselves. */
const longestDrainMs = 60_000;
/** For the last write of a job that has just ended. */
const writePauseMs = 250;

export async function startSupervisedPool(options: SupervisedPoolOptions): Promise<SupervisedPool> {
  const { pgPool, onBroken, checkLocksEveryMs, stopSignal } = options;
  let runningCount = 0;
  let onIdle: (() => void) | undefined;
  let stopping: Promise<void> | undefined;
  let checking: Promise<void> | undefined;
  let mayHaveLostLocks = false;
  let lostAnswerCount = 0;

  const onEnd = () => {
    runningCount -= 1;
    if (runningCount === 0) onIdle?.();
  };
  const run = (job: LockedJob) => {
    runningCount += 1;
    return options.run(job, onEnd);
  };
  const untilIdle = () => new Promise<void>((resolve) => (runningCount === 0 ? resolve() : (onIdle = resolve)));
  const checkLocks = async (): Promise<void> => {
    const countBefore = lostAnswerCount;
    const lost = await findLostLocks(pgPool, pool, { pauseMs: checkLocksEveryMs, signal: stopSignal });
    // One more answer was lost in the meantime.
    if (lost === "none" && lostAnswerCount !== countBefore) return checkLocks();
    if (lost === "none") mayHaveLostLocks = false;
    if (lost !== "some") return;
    // Unlike one that failed, this pool would go on.
    stopping = pool.stop().catch(() => undefined);
    onBroken(life, "jobs were locked without the worker's knowing");
  };
  const progress = createProgress({ ...options, isBusy: () => pool.heldCount > 0 });
  const onFetch: GraphilePoolOptions["onFetch"] = () => {
    const ended = progress.beginFetch();
    return (failure) => {
      ended(failure?.error);
      options.onFetched(failure);
      if (failure === undefined) return;
      mayHaveLostLocks = true;
      lostAnswerCount += 1;
      checking ??= checkLocks().finally(() => (checking = undefined));
    };
  };
  let wasSilent = false;

  const pool = await startGraphilePool({
    ...options,
    run,
    onFetch,
    onFatal: (error) => onBroken(life, "the worker could not write what became of a job", error),
  });
  const life: SupervisedPool = {
    pool,
    get mayHaveLostLocks() {
      return mayHaveLostLocks;
    },
    makesProgress() {
      const { state } = progress;
      if (state === "silent" && wasSilent) {
        stopping = pool.stop().catch(() => undefined);
        onBroken(life, "the worker has stopped fetching jobs");
      }
      wasSilent = state === "silent";
      return state === "going on";
    },
    async drain() {
      await withTimeout(longestDrainMs, Promise.all([untilIdle(), stopping])).catch(() => undefined);
      await pause(writePauseMs);
      await pool.unwatch();
    },
  };
  return life;
}
