import { mostEarlierErrors } from "../../graphile/failure-notes.ts";
import type { JobRequest } from "../../job/job-request.ts";
import type { MemoryJob } from "./memory-job.ts";
import { toMemoryLetter, type MemoryLetter } from "./memory-letter.ts";
import type { MemoryStore } from "./memory-store.ts";

/** The jobs that have failed for good, and the way back. */
export class LetterStore {
  readonly #letters = new Map<string, MemoryLetter>();
  readonly #jobs: MemoryStore;

  constructor(jobs: MemoryStore) {
    this.#jobs = jobs;
  }

  /** A time that is later than that of every letter. */
  stamp(): number {
    return this.#jobs.clock.stamp();
  }

  get all(): readonly MemoryLetter[] {
    return [...this.#letters.values()];
  }

  get(id: string): MemoryLetter | undefined {
    return this.#letters.get(id);
  }

  add(job: MemoryJob, end: Pick<MemoryLetter, "attempts" | "reason">): void {
    const diedAt = Math.round(this.stamp() * 1_000);
    this.#letters.set(job.id, toMemoryLetter(job, { ...end, diedAt }));
  }

  remove(id: string): void {
    this.#letters.delete(id);
  }

  /** Whether a newer job has the key. */
  isSuperseded({ key }: MemoryLetter): boolean {
    return this.#jobs.withKey(key) !== undefined;
  }

  /** Makes it a job again, with the history of its errors. */
  revive({ id, payload, errors, ...letter }: MemoryLetter): void {
    const { task, queue, key, priority, flags } = letter;
    const settings = { task, runAt: null, queue, priority, key, preserveRunAt: false, flags };
    this.#jobs.add({ id, payload, settings } satisfies JobRequest);
    const job = this.#jobs.get(id);
    if (job) job.errors = errors.slice(-mostEarlierErrors).map((error) => ({ ...error, isBeforeRetry: true as const }));
    this.remove(id);
  }
}
