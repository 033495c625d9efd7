import type { End } from "./ends.ts";
import { deadAfterMs } from "./settings.ts";

/** What must be true of jobs and runs, derived only from the steps and the observations. Times are those of `Date.now()`. */
export interface Model {
  readonly jobs: ModelJob[];
  readonly runs: ModelRun[];
  readonly plainJobs: PlainJob[];
  readonly workers: readonly ModelWorker[];
  /** Which database it is: each time that it is made anew begins another one. */
  epoch: number;
  isTableLocked: boolean;
  /** The test lets jobs run before their time. */
  isRushed: boolean;
  /** What was found wrong between two observations. */
  readonly violations: string[];
}

export interface ModelJob {
  readonly n: number;
  readonly epoch: number;
  readonly queue: string | undefined;
  readonly key: string | undefined;
  readonly runAt: number;
  /** By a newer job of its key, while it waited or while it was locked. */
  replaced: "waiting" | "locked" | undefined;
}

export interface ModelRun {
  readonly job: ModelJob;
  /** Graphile Worker's number, which comes again when the database is made anew. */
  readonly jobId: string;
  readonly worker: ModelWorker;
  readonly attempt: number;
  readonly beganAt: number;
  /** Its worker was cut off, and the job may have been taken from it before its code began. */
  readonly isForeign: boolean;
  /** Undefined while it waits at its gate. */
  end: End | "handed back" | undefined;
  endedAt: number;
  readonly finish: (end: End) => void;
}

/** A job that a plain Graphile Worker does. */
export interface PlainJob {
  readonly n: number;
  readonly epoch: number;
  runCount: number;
}

export interface ModelWorker {
  readonly index: number;
  isRunning: boolean;
  network: "whole" | "cut" | "silent";
  /** Since when its lock may be free, as far as it is. */
  lostAt: number | undefined;
  /** Under which names it has locked jobs. */
  readonly poolIds: Set<string>;
  /** Times in which others could rightly take it for dead. */
  readonly absences: { readonly from: number; readonly to: number }[];
}

/** Whether to accept known hazards that are open in docs/hazards.md. With WORKER_MODEL_STRICT=1 they fail. */
export const isTolerant = process.env["WORKER_MODEL_STRICT"] !== "1";

export function createModel(workerCount: number): Model {
  const workers = Array.from({ length: workerCount }, (_, index) => ({
    index,
    isRunning: false,
    network: "whole" as const,
    lostAt: undefined,
    poolIds: new Set<string>(),
    absences: [],
  }));
  return {
    jobs: [],
    runs: [],
    plainJobs: [],
    workers,
    epoch: 0,
    isTableLocked: false,
    isRushed: false,
    violations: [],
  };
}

export const openRuns = ({ runs }: Model) => runs.filter(({ end }) => end === undefined);
export const runsOf = ({ runs }: Model, job: ModelJob) => runs.filter((run) => run.job === job);
export const runningWorkers = ({ workers }: Model) => workers.filter(({ isRunning }) => isRunning);
export const wholeWorkers = (model: Model) => runningWorkers(model).filter(({ network }) => network === "whole");

/** A shorter absence leaves a heartbeat that is not old yet, if its last one was not late. */
const shortestAbsenceMs = deadAfterMs / 2;

/** Whether others could rightly take it for dead at some time from then on. */
export function wasAbsentSince({ absences, lostAt }: ModelWorker, since: number): boolean {
  const isAbsent = lostAt !== undefined && Date.now() - lostAt > shortestAbsenceMs;
  return isAbsent || absences.some(({ to }) => to >= since);
}

export function endAbsence(worker: ModelWorker): void {
  const { lostAt: from } = worker;
  worker.lostAt = undefined;
  if (from !== undefined && Date.now() - from > shortestAbsenceMs) worker.absences.push({ from, to: Date.now() });
}

/** So long after its network is back, an answer of before may still begin a run. */
const lateMs = 3_000;

/** Whether a job that a worker begins is its own. One that was not cut off has nothing but its own. */
export function isOwner(worker: ModelWorker, poolId: string | undefined): boolean {
  const isOwned = !wasAbsentSince(worker, Date.now() - lateMs);
  if (isOwned && poolId !== undefined) worker.poolIds.add(poolId);
  return isOwned || (poolId !== undefined && worker.poolIds.has(poolId));
}
