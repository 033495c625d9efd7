import { setTimeout as pause } from "node:timers/promises";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { acmeQueue } from "../peers/acme.ts";
import { bullmqQueue, bullmqSettings } from "../peers/bullmq.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import { graphileQueue, graphileSettings } from "../peers/graphile-worker.ts";
import type { Handler, JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { pgBossQueue, pgBossSettings } from "../peers/pg-boss.ts";
import { queueContestant } from "../peers/queue-contestant.ts";

const jobCount = 200;
const workerCount = 4;
/** The default of ours. */
const concurrency = 25;
const jobMs: Record<Size, number> = { quick: 250, default: 1_000, full: 1_000 };
/** Until each worker has asked once, and waits to be told of jobs. */
const untilIdleMs = 500;
const longestWaitMs = 60_000;

const bareEqual = "graphile-worker, as ours";

interface Entry {
  readonly queue: JobQueue;
  readonly settings: string;
}

const entries: Entry[] = [
  { queue: acmeQueue({ defaults: true }), settings: "startWorker({ tasks })" },
  { queue: graphileQueue("equal", bareEqual), settings: `concurrency ${concurrency}, ${graphileSettings.equal}` },
  { queue: pgBossQueue("batches"), settings: pgBossSettings.batches },
  { queue: pgBossQueue("single", "pg-boss, single"), settings: pgBossSettings.single },
  { queue: bullmqQueue("everysec"), settings: bullmqSettings("everysec") },
];

export const makespan: Benchmark = {
  name: "makespan",
  work: `${jobCount} jobs of a second for ${workerCount} idle workers of ${concurrency}: from the call that adds them to the end of the last`,
  budgetMs: 150_000,
  rounds: { least: 5, most: 5 },
  processes: "own",
  cases: (size) => [
    {
      name: "long jobs",
      metrics: [{ name: "ideals", unit: "× the ideal", better: "lower" }],
      contestants: entries.map((entry) => contestant(entry, jobMs[size])),
      goals: [
        { metric: "ideals", of: ours, against: [], kind: "value", limit: 1.15 },
        { metric: "ideals", of: ours, against: [bareEqual, "pg-boss", "bullmq"], kind: "cost", limit: 1.15 },
      ],
    },
  ],
};

function contestant({ queue, settings }: Entry, workMs: number): Contestant {
  // All of them begin at once where nothing holds a job back.
  const idealMs = (workMs * jobCount) / (workerCount * concurrency);
  return queueContestant(queue, settings, (world) => ({
    run: () =>
      withFreshQueue(queue, world, async (open) => {
        const runs = countRuns(workMs);
        const workers = await startWorkers(open, runs.handle);
        await pause(untilIdleMs);
        const startedAt = performance.now();
        await open.enqueueMany(Array.from({ length: jobCount }, (_, n) => n));
        await runs.untilDone();
        const tookMs = performance.now() - startedAt;
        await Promise.all(workers.map((worker) => worker.stop()));
        const remaining = await open.remaining();
        if (remaining > 0) throw new Error(`${remaining} jobs are left`);
        return { ideals: tookMs / idealMs };
      }),
  }));
}

function startWorkers(open: OpenQueue, handle: Handler) {
  return Promise.all(Array.from({ length: workerCount }, () => open.startWorker(handle, { concurrency })));
}

function countRuns(workMs: number) {
  const begun = new Set<number>();
  const all = Promise.withResolvers<void>();
  let doneCount = 0;
  const handle = async (n: number) => {
    if (begun.has(n)) all.reject(new Error(`job ${n} ran twice`));
    begun.add(n);
    await pause(workMs);
    doneCount += 1;
    if (doneCount === jobCount) all.resolve();
  };
  return {
    handle,
    async untilDone() {
      const timer = setTimeout(() => all.reject(new Error(`${doneCount} of ${jobCount} jobs ran`)), longestWaitMs);
      await all.promise.finally(() => clearTimeout(timer));
    },
  };
}
