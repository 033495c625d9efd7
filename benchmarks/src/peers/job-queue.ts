import type { World } from "../benchmark.ts";

/** What all job queues have in common, so that one benchmark runs them all. */
export interface JobQueue {
  readonly name: string;
  readonly package?: string;
  readonly needs?: "redis";
  /** Makes the tables, in a database that is copied for each run. Redis needs none. */
  readonly prepare?: (databaseUrl: string) => Promise<void>;
  open(world: World, databaseUrl: string): Promise<OpenQueue>;
}

export interface OpenQueue extends AsyncDisposable {
  enqueue(number: number): Promise<unknown>;
  /** One call, all or none where the queue can do that. */
  enqueueMany(numbers: readonly number[]): Promise<unknown>;
  /** Resolves when the worker takes jobs. */
  startWorker(handle: Handler, settings: WorkerSettings): Promise<QueueWorker>;
  /** Jobs that are not done. */
  remaining(): Promise<number>;
}

export type Handler = (number: number) => Promise<void> | void;

export interface WorkerSettings {
  /** Jobs at the same time. */
  readonly concurrency: number;
}

export interface QueueWorker {
  /** Resolves when no job runs and everything is written. */
  stop(): Promise<void>;
}

export const taskName = "bench";
