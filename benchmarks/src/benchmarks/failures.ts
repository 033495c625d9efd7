import { retry } from "@acme/jobs";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { measureFullQueue } from "../measure/run-window.ts";
import { acmeQueue } from "../peers/acme.ts";
import { graphileQueue, graphileSettings } from "../peers/graphile-worker.ts";
import type { JobQueue } from "../peers/job-queue.ts";
import { queueContestant } from "../peers/queue-contestant.ts";

const windowMs: Record<Size, number> = { quick: 300, default: 1_000, full: 10_000 };
/** The engine tries a job again after 2.7 s: from then on, either side has its retries to run besides. */
const warmUpMs = 3_000;
const concurrency = 24;
const bare = "graphile-worker";

/** Every tenth job fails at its first attempt. */
function failOfTen() {
  const failed = new Set<number>();
  return (n: number) => {
    if (n % 10 !== 0 || failed.has(n)) return;
    failed.add(n);
    throw new Error("fails on purpose");
  };
}

export const failures: Benchmark = {
  name: "failures",
  work: "no-op jobs, 10 % of which fail at first and are tried again; runs per second in a window from a full queue",
  budgetMs: 80_000,
  rounds: { least: 5, most: 5 },
  processes: "own",
  cases: (size) => [
    {
      name: "10 % fail",
      metrics: [{ name: "rate", unit: "runs/s", better: "higher" }],
      contestants: [
        contestant(
          acmeQueue({ retryPolicy: retry.fixed({ attempts: 5, delayMs: 200, jitter: 0.1 }) }),
          `retry.fixed with 200 ms and jitter, concurrency ${concurrency}`,
          size,
        ),
        contestant(
          graphileQueue("equal", bare),
          `its own delay (2.7 s), concurrency ${concurrency}, ${graphileSettings.equal}`,
          size,
        ),
      ],
      goals: [{ metric: "rate", of: ours, against: [bare], kind: "speed", limit: 0.9 }],
    },
  ],
};

function contestant(queue: JobQueue, settings: string, size: Size): Contestant {
  return queueContestant(queue, settings, (world) => ({
    run() {
      // The numbers begin anew with each run, and so must the failures.
      const options = { queue, work: failOfTen(), windowMs: windowMs[size], warmUpMs, concurrency, retries: true };
      return measureFullQueue(world, options).run();
    },
  }));
}
