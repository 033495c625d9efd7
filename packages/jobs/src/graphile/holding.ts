/** A job that a pool of Graphile Worker has fetched, as a row of its table. */
export interface HeldJob {
  readonly id: string;
  /** How often the job has been locked. */
  readonly attempts: number;
  /** `null` for a job without a named queue. */
  readonly job_queue_id: number | null;
}

/** A job that a pool holds, from its fetch until its end is written. */
export interface Holding {
  readonly job: HeldJob;
  /** The index of its word in the shared memory; -1 if none was free. */
  readonly place: number;
  /** When the fetch began, by the clock of this process. */
  readonly askedAt: number;
  /** The next holding of the same job id. */
  again: Holding | undefined;
  /** The same job id was fetched once more, because this lock was lost. The row belongs to the later holding. */
  isDisowned: boolean;
  /** Whether Graphile Worker has not run the job yet, runs it, or has run it. */
  stage: "waiting" | "running" | "over";
  /** The code of the task was called. */
  hasBegun: boolean;
  /** The attempt could not be started. The job is returned, although Graphile Worker writes a failure. */
  isUnused: boolean;
  /** The end of the job is being written. */
  isEnding: boolean;
  onTurn: (() => void) | undefined;
}

export function createHolding(job: HeldJob, { place, askedAt }: Pick<Holding, "place" | "askedAt">): Holding {
  const flags = { isDisowned: false, hasBegun: false, isUnused: false, isEnding: false };
  return { job, place, askedAt, stage: "waiting", again: undefined, onTurn: undefined, ...flags };
}

/** Graphile Worker names a job by its id. If several holdings have the id, this is the one it means. */
export function firstAt(stage: Holding["stage"], first: Holding | undefined): Holding | undefined {
  let each = first;
  while (each !== undefined && (each.isEnding || each.stage !== stage)) each = each.again;
  return each;
}

/** Appends a holding of the same id. Those before it have lost their row. */
export function appendTo(first: Holding, added: Holding): void {
  let last = first;
  last.isDisowned = true;
  while (last.again !== undefined) {
    last = last.again;
    last.isDisowned = true;
  }
  last.again = added;
}

/** Removes a holding from those of the same id. */
export function dropFrom(first: Holding | undefined, dropped: Holding): void {
  for (let each = first; each !== undefined; each = each.again) if (each.again === dropped) each.again = dropped.again;
}

export function idsOf(holdings: Iterable<Holding>): string[] {
  return Array.from(holdings, ({ job }) => job.id);
}
