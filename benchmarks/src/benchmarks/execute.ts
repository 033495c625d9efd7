import { setTimeout as pause } from "node:timers/promises";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { measureFullQueue } from "../measure/run-window.ts";
import { acmeQueue } from "../peers/acme.ts";
import { bullmqQueue, bullmqSettings } from "../peers/bullmq.ts";
import { dbosQueue, dbosSettings } from "../peers/dbos.ts";
import { graphileQueue, graphileSettings } from "../peers/graphile-worker.ts";
import type { Handler, JobQueue } from "../peers/job-queue.ts";
import { pgBossQueue, pgBossSettings } from "../peers/pg-boss.ts";
import { queueContestant } from "../peers/queue-contestant.ts";

const windowMs: Record<Size, number> = { quick: 300, default: 700, full: 5_000 };
/** As in Graphile Worker's own measurements. */
const concurrency = 24;

const bareEqual = "graphile-worker, as ours";
const bareBest = "graphile-worker, best";

interface Entry {
  readonly queue: JobQueue;
  readonly settings: string;
  /** Where another number than that of the others is what the documentation advises. */
  readonly noOpConcurrency?: number;
  readonly noOpOnly?: boolean;
}

const entries: Entry[] = [
  { queue: acmeQueue(), settings: `concurrency ${concurrency}` },
  { queue: acmeQueue({ name: "acme, defaults", defaults: true }), settings: "startWorker({ tasks })" },
  {
    queue: graphileQueue("equal", bareEqual),
    settings: `concurrency ${concurrency}, ${graphileSettings.equal}`,
  },
  {
    queue: graphileQueue("equal", "graphile-worker, ids", { withIds: true }),
    settings: "as ours, each job with a UUID in a flag, as ours has",
    noOpOnly: true,
  },
  { queue: graphileQueue("best", bareBest), settings: `concurrency ${concurrency}, ${graphileSettings.best}` },
  {
    queue: pgBossQueue("batches"),
    settings: `${pgBossSettings.batches}; no-op: batches of 1,000`,
    noOpConcurrency: 2_000,
  },
  { queue: pgBossQueue("single", "pg-boss, single"), settings: pgBossSettings.single },
  {
    queue: bullmqQueue("everysec"),
    settings: `${bullmqSettings("everysec")}; no-op: concurrency 100`,
    noOpConcurrency: 100,
  },
  {
    queue: bullmqQueue("no", "bullmq, fsync no"),
    settings: `${bullmqSettings("no")}; no-op: concurrency 100`,
    noOpConcurrency: 100,
    noOpOnly: true,
  },
  { queue: dbosQueue, settings: `${dbosSettings}; no-op: workerConcurrency 500`, noOpConcurrency: 500 },
];

interface Work {
  readonly name: string;
  readonly isNoOp: boolean;
  readonly handle: Handler;
}

const works: Work[] = [
  { name: "no-op jobs", isNoOp: true, handle: () => undefined },
  { name: "jobs of 5 ms", isNoOp: false, handle: () => pause(5) },
];

export const execute: Benchmark = {
  name: "execute",
  work: "one worker process, jobs per second in a window from a full queue",
  budgetMs: 240_000,
  rounds: { least: 5, most: 5 },
  processes: "own",
  cases: (size) =>
    works.map((work) => ({
      name: work.name,
      metrics: [{ name: "rate", unit: "jobs/s", better: "higher" }],
      contestants: entries
        .filter(({ noOpOnly }) => !noOpOnly || work.isNoOp)
        .map((entry) => contestant(entry, work, size)),
      goals: [
        { metric: "rate", of: ours, against: [bareEqual], kind: "speed", limit: 0.97 },
        { metric: "rate", of: ours, against: [bareBest], kind: "speed", limit: 0.97 },
        { metric: "rate", of: ours, against: ["bullmq"], kind: "speed", limit: 1.5 },
        { metric: "rate", of: ours, against: ["pg-boss"], kind: "speed", limit: 10 },
        { metric: "rate", of: ours, against: ["pg-boss, single"], kind: "speed", limit: 10 },
        { metric: "rate", of: "acme, defaults", against: [ours], kind: "speed", limit: 0.9 },
      ],
    })),
};

function contestant({ queue, settings, noOpConcurrency }: Entry, { isNoOp, handle }: Work, size: Size): Contestant {
  const options = {
    queue,
    work: handle,
    windowMs: windowMs[size],
    concurrency: (isNoOp ? noOpConcurrency : undefined) ?? concurrency,
  };
  return queueContestant(queue, settings, (world) => measureFullQueue(world, options));
}
