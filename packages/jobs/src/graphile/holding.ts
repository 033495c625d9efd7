/** A job that a pool of Graphile Worker has been given and not yet written back: the row of its table. */
export interface HeldJob {
  readonly id: string;
  /** How often it has been locked. */
  readonly attempts: number;
  /** `null` for one of no named queue. */
  readonly job_queue_id: number | null;
}

/** A job that was given, from then until what became of it is written. */
export interface Holding {
  readonly job: HeldJob;
  /** Of its word in the shared memory; -1 where there was none left. */
  readonly place: number;
  /** When the pool has asked for it, by the clock of this process. */
  readonly askedAt: number;
  /** The next one of the same number. */
  again: Holding | undefined;
  /** The same job, or one of its number, was given once more, since this lock was gone: the row is not its own any more. */
  isDisowned: boolean;
  /** It waits in Graphile Worker, or that has come to run it, or has run it. */
  stage: "waiting" | "running" | "over";
  /** Its code was called. */
  hasBegun: boolean;
  /** Its attempt could not be started: it is given back, whatever Graphile Worker says of it. */
  isUnused: boolean;
  /** What became of it is being written. */
  isEnding: boolean;
  onTurn: (() => void) | undefined;
}

export function createHolding(job: HeldJob, { place, askedAt }: Pick<Holding, "place" | "askedAt">): Holding {
  const flags = { isDisowned: false, hasBegun: false, isUnused: false, isEnding: false };
  return { job, place, askedAt, stage: "waiting", again: undefined, onTurn: undefined, ...flags };
}

/** Graphile Worker names a job by its number; of several that have it, this is the one it means. */
export function firstAt(stage: Holding["stage"], first: Holding | undefined): Holding | undefined {
  let each = first;
  while (each !== undefined && (each.isEnding || each.stage !== stage)) each = each.again;
  return each;
}

/** Appends one of the same number. Those before it have lost their row. */
export function appendTo(first: Holding, added: Holding): void {
  let last = first;
  last.isDisowned = true;
  while (last.again !== undefined) {
    last = last.again;
    last.isDisowned = true;
  }
  last.again = added;
}

/** Takes one out of those of the same number. */
export function dropFrom(first: Holding | undefined, dropped: Holding): void {
  for (let each = first; each !== undefined; each = each.again) if (each.again === dropped) each.again = dropped.again;
}

export function idsOf(holdings: Iterable<Holding>): string[] {
  return Array.from(holdings, ({ job }) => job.id);
}
