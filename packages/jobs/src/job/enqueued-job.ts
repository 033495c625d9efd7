import { timeOfUuidV7 } from "@acme/shared/uuid-v7";

/** A job that has been enqueued and has not ended, with its payload. */
export interface EnqueuedJob<Payload = unknown> {
  /** What `enqueue` returned: the `idempotencyKey` of its runs. */
  readonly id: string;
  readonly task: string;
  /** As the code of the task gets it. */
  readonly payload: Payload;
  /** When it is due. Without a `runAt` of its own, the time of `enqueue`. */
  readonly runAt: Date;
  readonly queue: string | null;
  /** As it was given to `enqueue`. */
  readonly key: string | null;
  readonly priority: number;
  /** How often a worker has taken it. */
  readonly attempts: number;
}

/** The columns of a stored job, out of JSON. */
export interface StoredJob extends Omit<EnqueuedJob, "runAt"> {
  readonly runAt: number;
  readonly enqueuedAt: number;
}

/** In the order of enqueueing. Each job once: of two with one id, the last. */
export function toEnqueuedJobs(stored: readonly StoredJob[]): EnqueuedJob[] {
  const byId = new Map(stored.map((job) => [job.id, job]));
  return [...byId.values()]
    .map((job) => ({ job, place: placeOf(job) }))
    .toSorted((a, b) => (a.place < b.place ? -1 : Number(a.place > b.place)))
    .map(({ job }) => toEnqueuedJob(job));
}

function toEnqueuedJob({ id, task, payload, runAt, queue, key, priority, attempts }: StoredJob): EnqueuedJob {
  return { id, task, payload, runAt: new Date(runAt), queue, key: givenKey(task, key), priority, attempts };
}

/** Ids are greater than those that the process has made before. Plain SQL makes none, but notes the time. */
function placeOf({ id, enqueuedAt }: StoredJob): string {
  if (timeOfUuidV7(id) !== undefined) return id;
  const time = Math.floor(enqueuedAt).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}

/** Plain SQL may have given a key that does not begin with the task. */
function givenKey(task: string, key: string | null): string | null {
  const prefix = `${encodeURIComponent(task)}:`;
  return key?.startsWith(prefix) === true ? key.slice(prefix.length) : key;
}
