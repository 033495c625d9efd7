import { type Benchmark, type Contestant, ours, type Size, type World } from "../benchmark.ts";
import { bullmqSettings, bullmqQueue } from "../peers/bullmq.ts";
import { acmeQueue } from "../peers/acme.ts";
import { graphileQueue } from "../peers/graphile-worker.ts";
import type { JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { pgBossQueue } from "../peers/pg-boss.ts";
import { queueContestant } from "../peers/queue-contestant.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";

const singles: Record<Size, number> = { quick: 20, default: 400, full: 2_000 };
const batches: Record<Size, { count: number; size: number }> = {
  quick: { count: 2, size: 500 },
  default: { count: 5, size: 5_000 },
  full: { count: 20, size: 5_000 },
};
const callerCount = 64;
const callsEach: Record<Size, number> = { quick: 5, default: 100, full: 400 };
const warmUpCount = 5;

const bare = "graphile-worker";
const peers = ["pg-boss", "bullmq", "bullmq, fsync no"];

const queues: [JobQueue, string][] = [
  [acmeQueue(), "enqueue, enqueueMany"],
  [graphileQueue("best"), "select add_job(…), select add_jobs(…) on a pg.Pool"],
  [
    graphileQueue("best", "graphile-worker, ids", { withIds: true }),
    "the same, each job with a UUID in a flag, as ours has",
  ],
  [pgBossQueue("batches"), "send, insert"],
  [bullmqQueue("everysec"), `add, addBulk; ${bullmqSettings("everysec")}`],
  [bullmqQueue("no", "bullmq, fsync no"), `add, addBulk; ${bullmqSettings("no")}`],
];

export const enqueue: Benchmark = {
  name: "enqueue",
  work: "jobs with a small payload, each call awaited before the caller's next",
  budgetMs: 30_000,
  rounds: { least: 5, most: 9 },
  processes: "own",
  cases: () => [
    enqueueCase("1 by 1", async (queue, { size }, first) => {
      for (let n = first; n < first + singles[size]; n++) await queue.enqueue(n);
      return singles[size];
    }),
    enqueueCase("batches of 5,000", async (queue, { size }, first) => {
      const batch = batches[size];
      for (let index = 0; index < batch.count; index++) {
        await queue.enqueueMany(Array.from({ length: batch.size }, (_, n) => first + index * batch.size + n));
      }
      return batch.count * batch.size;
    }),
    enqueueCase(
      "64 callers",
      async (queue, { size }, first) => {
        const end = first + callerCount * callsEach[size];
        let next = first;
        const call = async () => {
          while (next < end) await queue.enqueue(next++);
        };
        await Promise.all(Array.from({ length: callerCount }, call));
        return end - first;
      },
      [
        { ...goal, against: [bare], limit: 3 },
        { ...goal, against: peers, limit: 1 },
      ],
    ),
  ],
};

/** Enqueues jobs whose numbers begin with the given one, and says how many. */
type Work = (queue: OpenQueue, world: World, first: number) => Promise<number>;

const goal = { metric: "rate", of: ours, kind: "speed" as const };
const usualGoals = [
  { ...goal, against: [bare], limit: 0.95 },
  { ...goal, against: peers, limit: 1.5 },
  { ...goal, against: ["pg-boss"], limit: 1.5 },
];

function enqueueCase(name: string, work: Work, goals = usualGoals) {
  return {
    name,
    metrics: [{ name: "rate", unit: "jobs/s", better: "higher" as const }],
    contestants: queues.map(([queue, settings]) => contestant(queue, settings, work)),
    goals,
  };
}

function contestant(queue: JobQueue, settings: string, work: Work): Contestant {
  return queueContestant(queue, settings, (world) => ({
    run: () =>
      withFreshQueue(queue, world, async (open) => {
        for (let n = 0; n < warmUpCount; n++) await open.enqueue(n);
        const startedAt = performance.now();
        const count = await work(open, world, warmUpCount);
        const seconds = (performance.now() - startedAt) / 1000;
        const there = await open.remaining();
        if (there !== count + warmUpCount) throw new Error(`${there} jobs are there of ${count + warmUpCount}`);
        return { rate: count / seconds };
      }),
  }));
}
