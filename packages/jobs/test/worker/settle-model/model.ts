/** What must be true of jobs and workers: in memory, and kept in other terms than the tables keep it. */
export interface Model {
  readonly jobs: ModelJob[];
  readonly workers: readonly ModelWorker[];
  /** The jobs that pools hold, including pools of dead workers until they are recovered. */
  runs: ModelRun[];
  /** Runs that were recovered in the middle of their code, which may still write a note. */
  lostRuns: ModelRun[];
  /** Pools whose worker is dead and whose jobs are not recovered yet. */
  deadPools: string[];
  /** Milliseconds on the clock of the database at the last look, and what was waited for without waiting. */
  now: number;
  waitedMs: number;
}

export interface ModelJob {
  /** Its idempotencyKey. */
  readonly id: string;
  readonly rowId: string;
  readonly key: string | undefined;
  place: "free" | "locked" | "dead letter" | "gone";
  lockedBy: string | undefined;
  lockedAt: number;
  /** Replaced or removed by its key while it was locked. No worker may lock it again. */
  isDropped: boolean;
  /** Attempts that count. */
  used: number;
  /** Crashes that are not known to have been attempts, although Graphile Worker counts them. */
  uncountedCrashes: number;
  /** The attempts in its history of errors. */
  errors: number[];
  /** The outcome that is noted, and not done yet. */
  pending: "retry" | "dead" | undefined;
  /** Its row has the open note of a job that it has replaced. */
  inheritsNote: boolean;
  due: Due;
}

/** So long after a moment between two looks at the clock; the second look is still to come while it is undefined. */
export interface Due {
  readonly delayMs: number;
  readonly after: number;
  before: number | undefined;
}

export interface ModelRun {
  readonly job: ModelJob;
  readonly poolId: string;
  readonly isFirstLock: boolean;
  stage: "locked" | "running" | "too early" | "noted" | "released";
}

export interface ModelWorker {
  readonly index: number;
  /** `undefined` while no worker runs here. */
  poolId: string | undefined;
  hasHeartbeat: boolean;
  holdsLock: boolean;
}

export const attemptsAllowed = 3;
export const retryDelayMs = 30_000;
export const longDelayMs = 3_600_000;

export function createModel(workerCount: number, now: number): Model {
  const workers = Array.from({ length: workerCount }, (_, index) => ({
    index,
    poolId: undefined,
    hasHeartbeat: false,
    holdsLock: false,
  }));
  return { jobs: [], workers, runs: [], lostRuns: [], deadPools: [], now, waitedMs: 0 };
}

export function addJob(
  model: Model,
  facts: Pick<ModelJob, "id" | "rowId" | "key" | "inheritsNote"> & Partial<Pick<ModelJob, "errors">>,
): void {
  const { id, rowId, key, inheritsNote, errors = [] } = facts;
  model.jobs.push({
    id,
    rowId,
    key,
    inheritsNote,
    place: "free",
    lockedBy: undefined,
    lockedAt: 0,
    isDropped: false,
    used: 0,
    uncountedCrashes: 0,
    errors: [...errors],
    pending: undefined,
    due: dueIn(model, 0),
  });
}

export function dueIn({ now }: Model, delayMs: number): Due {
  return { delayMs, after: now, before: undefined };
}

export const waitingJobs = (model: Model) =>
  model.jobs.filter(({ place, isDropped }) => place === "free" && !isDropped);
export const deadLettersOf = (model: Model) => model.jobs.filter(({ place }) => place === "dead letter");
export const livingWorkers = (model: Model) => model.workers.filter(({ poolId }) => poolId !== undefined);
export const livingRuns = ({ runs, deadPools }: Model) => runs.filter(({ poolId }) => !deadPools.includes(poolId));
/** The job that the next one with this key replaces. */
export const jobWithKey = (model: Model, key: string | undefined) =>
  model.jobs.find(
    (job) => key !== undefined && job.key === key && !job.isDropped && (job.place === "free" || job.place === "locked"),
  );
