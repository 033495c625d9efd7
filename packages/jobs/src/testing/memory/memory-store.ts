import type { JobRequest } from "../../job/job-request.ts";
import type { MemoryClock } from "./memory-clock.ts";
import { MemoryPauses } from "./memory-pauses.ts";
import { newMemoryJob, replaceJob, type MemoryJob } from "./memory-job.ts";

/** Which jobs a run may take. */
export type MayTake = (job: MemoryJob) => boolean;

/** The jobs that have not ended, by the rules by which Graphile Worker adds and fetches them. */
export class MemoryStore {
  readonly clock: MemoryClock;
  readonly pauses: MemoryPauses;
  readonly #jobs: Map<number, MemoryJob>;
  #count: number;
  #changed = Promise.withResolvers<void>();

  constructor(clock: MemoryClock, jobs: readonly MemoryJob[] = [], pauses = new MemoryPauses()) {
    this.clock = clock;
    this.pauses = pauses;
    this.#jobs = new Map(jobs.map((job) => [job.number, job]));
    this.#count = jobs.at(-1)?.number ?? 0;
  }

  /** Those that have not ended, in the order of their numbers. One whose key a newer job has taken only ends. */
  get jobs(): readonly MemoryJob[] {
    return [...this.#jobs.values()].filter(({ isSuperseded }) => !isSuperseded);
  }

  /** Resolves when something has changed since. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** A copy, to see what some requests would make of the jobs. */
  copy(): MemoryStore {
    return new MemoryStore(
      this.clock,
      [...this.#jobs.values()].map((job) => ({ ...job })),
      this.pauses,
    );
  }

  /** A waiting job with the key is replaced. One that runs loses its key. */
  add(request: JobRequest): void {
    const at = this.clock.stamp();
    const other = this.withKey(request.settings.key);
    if (other !== undefined && other.takenAt === undefined) replaceJob(other, request, at);
    else {
      if (other !== undefined) Object.assign(other, { key: null, isSuperseded: true } satisfies Partial<MemoryJob>);
      this.put(newMemoryJob(++this.#count, request, at));
    }
    this.tell();
  }

  put(job: MemoryJob): void {
    this.#jobs.set(job.number, job);
  }

  /** The job that has this key, and waits or runs. */
  withKey(key: string | null): MemoryJob | undefined {
    return key === null ? undefined : this.jobs.find((job) => job.key === key);
  }

  get(id: string): MemoryJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  /** Takes the next job that is due and not paused: by priority, by time, by number. Jobs of one named queue run one at a time. */
  take(mayTake: MayTake): MemoryJob | undefined {
    const { now } = this.clock;
    const busy = new Set(
      [...this.#jobs.values()].flatMap(({ queue, takenAt }) => (takenAt === undefined ? [] : queue)),
    );
    const isFree = ({ queue, takenAt }: MemoryJob) => takenAt === undefined && (queue === null || !busy.has(queue));
    let next: MemoryJob | undefined;
    for (const job of this.jobs) {
      if (job.runAt > now || !isFree(job) || this.pauses.holds(job) || !mayTake(job)) continue;
      if (next === undefined || isBefore(job, next)) next = job;
    }
    if (next === undefined) return undefined;
    next.takenAt = now;
    next.attempts += 1;
    return next;
  }

  /** Makes those due that wait for their time, the earliest first. @returns how many */
  makeDue(isMeant: MayTake): number {
    const { now } = this.clock;
    const waiting = this.jobs.filter((job) => job.takenAt === undefined && job.runAt > now && isMeant(job));
    for (const job of waiting.toSorted((a, b) => a.runAt - b.runAt)) job.runAt = this.clock.stamp();
    if (waiting.length > 0) this.tell();
    return waiting.length;
  }

  /** When the next job that still waits is due, if that is not after `until`. */
  nextTime(until: number): number | undefined {
    const { now } = this.clock;
    const times = this.jobs.flatMap(({ takenAt, runAt }) => (takenAt === undefined && runAt > now ? runAt : []));
    const next = Math.min(...times);
    return next <= until ? next : undefined;
  }

  /** Whether such a job runs, also one whose key a newer job has taken. */
  hasRunning(isMeant: MayTake): boolean {
    return [...this.#jobs.values()].some((job) => job.takenAt !== undefined && isMeant(job));
  }

  remove(job: MemoryJob): void {
    this.#jobs.delete(job.number);
    this.tell();
  }

  /** Whoever waits for a change looks again. */
  tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function isBefore(one: MemoryJob, other: MemoryJob): boolean {
  return (one.priority - other.priority || one.runAt - other.runAt || one.number - other.number) < 0;
}
