// Loaded where it is used: the heap of a bare engine must not hold it.
import type { RetryPolicy } from "@acme/jobs";
import { Pool } from "../engine.ts";
import { countJobs } from "./graphile-worker.ts";
import { type JobQueue, taskName } from "./job-queue.ts";

/** The cheapest schema there is, so that the packages are measured and not somebody's validation. */
export const numbered = {
  "~standard": {
    version: 1 as const,
    vendor: "benchmarks",
    validate(value: unknown) {
      const isNumbered = typeof value === "object" && value !== null && "n" in value && typeof value.n === "number";
      return isNumbered ? { value: value as { n: number } } : { issues: [{ message: "n is no number" }] };
    },
    types: undefined as { input: { n: number }; output: { n: number } } | undefined,
  },
};

export const silentLogger = { debug() {}, info() {}, warn() {}, error() {} };

export async function prepareAcme(databaseUrl: string): Promise<void> {
  const { createJobs } = await import("@acme/jobs");
  await using jobs = createJobs({ connection: databaseUrl, logger: silentLogger });
  await jobs.migrate();
}

export async function prepareOutbox(databaseUrl: string): Promise<void> {
  const { createJobs } = await import("@acme/jobs");
  await using jobs = createJobs({ outbox: { connection: databaseUrl }, logger: silentLogger });
  await jobs.migrateOutbox();
}

/** @param defaults whether the worker is left to choose how many jobs run at the same time. */
export function acmeQueue({
  name = "acme",
  defaults = false,
  retryPolicy,
}: { name?: string; defaults?: boolean; retryPolicy?: RetryPolicy } = {}): JobQueue {
  return {
    name,
    prepare: prepareAcme,
    async open(_world, databaseUrl) {
      const { createJobs, defineTask, perform } = await import("@acme/jobs");
      const pool = new Pool({ connectionString: databaseUrl, max: 12 });
      const jobs = createJobs({ connection: pool, logger: silentLogger });
      const task = defineTask(taskName, { payload: numbered, ...(retryPolicy && { retry: retryPolicy }) });
      return {
        enqueue: (n) => jobs.enqueue(task, { n }),
        enqueueMany: (numbers) =>
          jobs.enqueueMany(
            task,
            numbers.map((n) => ({ n })),
          ),
        async startWorker(handle, { concurrency }) {
          const worker = await jobs.startWorker({
            tasks: [perform(task, ({ n }) => handle(n))],
            migrate: false,
            ...(defaults ? {} : { concurrency }),
          });
          return { stop: () => worker.stop() };
        },
        remaining: () => countJobs(pool),
        async [Symbol.asyncDispose]() {
          await jobs.close();
          await pool.end();
        },
      };
    },
  };
}
