import { setTimeout as pause } from "node:timers/promises";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { quantile } from "../measure/statistics.ts";
import { acmeQueue } from "../peers/acme.ts";
import { bullmqQueue, bullmqSettings } from "../peers/bullmq.ts";
import { dbosQueue, dbosSettings } from "../peers/dbos.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import { graphileQueue } from "../peers/graphile-worker.ts";
import type { JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { pgBossQueue, pgBossSettings } from "../peers/pg-boss.ts";
import { queueContestant } from "../peers/queue-contestant.ts";

const samples: Record<Size, number> = { quick: 20, default: 100, full: 1_000 };
const concurrency = 10;
const longestWaitMs = 10_000;
/** 250 a second of 20 ms each are half of what ten at a time can do. */
const loadEveryMs = 4;
const loadWorkMs = 20;

const bare = "graphile-worker";

interface Entry {
  readonly queue: JobQueue;
  readonly settings: string;
}

const entries: Entry[] = [
  { queue: acmeQueue(), settings: `concurrency ${concurrency}` },
  { queue: graphileQueue("equal", bare), settings: `concurrency ${concurrency}, completeJobBatchDelay 0` },
  { queue: pgBossQueue("single"), settings: pgBossSettings.single },
  { queue: bullmqQueue("everysec"), settings: bullmqSettings("everysec") },
  { queue: dbosQueue, settings: dbosSettings },
];

export const latency: Benchmark = {
  name: "latency",
  work: "from the call that commits a job to the start of its handler, in one process",
  budgetMs: 70_000,
  rounds: { least: 5, most: 9 },
  processes: "own",
  cases: (size) => [
    latencyCase(
      "idle",
      () => undefined,
      (open, times) => oneAfterAnother(open, times, samples[size]),
    ),
    latencyCase(
      "half load",
      () => pause(loadWorkMs),
      (open, times) => steadily(open, times, samples[size] * 2),
    ),
  ],
};

/** When each job was handed over, and when its handler began. */
class Times {
  readonly #began = new Map<number, number>();
  readonly #waits: number[] = [];
  #seen: () => void = () => undefined;

  hand(n: number): void {
    this.#began.set(n, performance.now());
  }

  begin(n: number): void {
    const handedAt = this.#began.get(n);
    if (handedAt === undefined) throw new Error(`job ${n} ran twice`);
    this.#began.delete(n);
    this.#waits.push(performance.now() - handedAt);
    this.#seen();
  }

  /** Resolves when so many jobs have begun. */
  async until(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`${this.#waits.length} of ${count} jobs began`)), longestWaitMs);
    this.#seen = () => {
      if (this.#waits.length >= count) resolve();
    };
    this.#seen();
    await promise.finally(() => clearTimeout(timer));
  }

  /** Without the first tenth, in which connections are opened. */
  figures() {
    const kept = this.#waits.slice(Math.ceil(this.#waits.length / 10)).toSorted((a, b) => a - b);
    return { p50: quantile(kept, 0.5), p99: quantile(kept, 0.99) };
  }
}

type Load = (open: OpenQueue, times: Times) => Promise<void>;

async function oneAfterAnother(open: OpenQueue, times: Times, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    times.hand(n);
    await Promise.all([open.enqueue(n), times.until(n + 1)]);
    // Long enough for the worker to have gone idle.
    await pause(3 + (n % 5));
  }
}

async function steadily(open: OpenQueue, times: Times, count: number): Promise<void> {
  const adding: Promise<unknown>[] = [];
  const startedAt = performance.now();
  while (adding.length < count) {
    const due = Math.min(count, Math.floor((performance.now() - startedAt) / loadEveryMs));
    for (let n = adding.length; n < due; n++) {
      times.hand(n);
      adding.push(open.enqueue(n));
    }
    await pause(1);
  }
  await Promise.all(adding);
  await times.until(count);
}

function latencyCase(name: string, work: () => Promise<void> | undefined, load: Load) {
  const goal = { metric: "p50", of: ours, kind: "cost" as const };
  return {
    name,
    metrics: ["p50", "p99"].map((metric) => ({ name: metric, unit: "ms", better: "lower" as const })),
    contestants: entries.map((entry) => contestant(entry, work, load)),
    goals: [
      { ...goal, against: [bare], limit: 1.1 },
      { ...goal, against: ["pg-boss"], limit: 0.5 },
    ],
  };
}

function contestant({ queue, settings }: Entry, work: () => Promise<void> | undefined, load: Load): Contestant {
  return queueContestant(queue, settings, (world) => ({
    run: () =>
      withFreshQueue(queue, world, async (open) => {
        const times = new Times();
        const handle = (n: number) => {
          times.begin(n);
          return work();
        };
        const worker = await open.startWorker(handle, { concurrency });
        await load(open, times);
        await worker.stop();
        const remaining = await open.remaining();
        if (remaining > 0) throw new Error(`${remaining} jobs are left`);
        return times.figures();
      }),
  }));
}
