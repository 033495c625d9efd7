import { setTimeout as pause } from "node:timers/promises";
import { type Benchmark, type Case, type Contestant, type Figures, type Size, type World } from "../benchmark.ts";
import { acmeQueue } from "../peers/acme.ts";
import { type Fleet, startFleet } from "../peers/acme-fleet.ts";
import { prepareBacklog, sequentialScans } from "../peers/backlog.ts";
import { countOf } from "../peers/relays.ts";
import { freshDatabase } from "../servers/databases.ts";

interface Setting {
  readonly name: string;
  readonly backlog: number;
  readonly taskCount: number;
  readonly processes: number;
}

const concurrency = 24;
const windowMs: Record<Size, number> = { quick: 200, default: 500, full: 3_000 };
const warmUpMs = 200;
const singles = 100;

const backlogs: Record<Size, number[]> = {
  quick: [1_000, 10_000],
  default: [10_000, 100_000],
  full: [10_000, 100_000, 1_000_000, 5_000_000],
};
const taskCounts: Record<Size, number[]> = { quick: [10, 100], default: [10, 1_000], full: [10, 100, 1_000] };
const processCounts: Record<Size, number[]> = { quick: [1, 2], default: [1, 2], full: [1, 2, 4] };
/** What is promised to be flat: five millions are shown, not promised. */
const largestFlatBacklog = 1_000_000;

export const growth: Benchmark = {
  name: "growth",
  work: "acme with more of everything, beside itself with little",
  budgetMs: 60_000,
  rounds: { least: 5, most: 5 },
  processes: "own",
  cases(size) {
    const base = { backlog: size === "quick" ? 10_000 : 50_000, taskCount: 1, processes: 1 };
    const byBacklog = backlogs[size].map((backlog) => ({
      ...base,
      backlog,
      name: `backlog ${backlog.toLocaleString("en")}`,
    }));
    return [
      growthCase("execute", byBacklog, (setting, world) => execute(setting, world, windowMs[size])),
      growthCase("enqueue", byBacklog, enqueue),
      growthCase(
        "tasks",
        taskCounts[size].map((taskCount) => ({ ...base, taskCount, name: `${taskCount} tasks` })),
        (setting, world) => execute(setting, world, windowMs[size]),
      ),
      growthCase(
        "worker processes",
        processCounts[size].map((processes) => ({
          ...base,
          processes,
          name: `${processes} ${processes === 1 ? "process" : "processes"}`,
        })),
        (setting, world) => execute(setting, world, windowMs[size]),
      ),
    ];
  },
};

type Run = (setting: Setting, world: World) => Promise<Figures>;

function growthCase(name: string, settings: readonly Setting[], run: Run): Case {
  const [base, ...grown] = settings;
  return {
    name,
    metrics: [
      { name: "rate", unit: "jobs/s", better: "higher" },
      { name: "scans", unit: "per 1,000 jobs", better: "lower" },
    ],
    contestants: settings.map((setting) => contestant(setting, run)),
    goals: grown
      .filter(({ backlog }) => backlog <= largestFlatBacklog)
      .flatMap((setting) => [
        { metric: "rate", of: setting.name, against: [base?.name ?? ""], kind: "speed", limit: 0.85 },
        // A scan now and then is the sweep's, or a look that did not pay; looks that scan would be two at least.
        { metric: "scans", of: setting.name, against: [], kind: "value", limit: 1 },
      ]),
  };
}

function contestant(setting: Setting, run: Run): Contestant {
  return {
    name: setting.name,
    settings: `concurrency ${concurrency}, backlog of ${setting.backlog.toLocaleString("en")} jobs`,
    start: (world) => Promise.resolve({ run: () => run(setting, world) }),
  };
}

async function execute({ backlog, taskCount, processes }: Setting, world: World, forMs: number): Promise<Figures> {
  await using database = await openBacklog(world, backlog, taskCount);
  const scansBefore = await sequentialScans(database.url);
  const fleet = startFleet({ databaseUrl: database.url, processes, taskCount, concurrency });
  await fleet.begun;
  // A short queue is measured for a shorter time: a worker with nothing left to do would look slow.
  const first = await runsAfter(fleet, warmUpMs, backlog * 0.2);
  const last = await runsAfter(fleet, forMs, backlog * 0.9);
  const ran = await fleet.stop();
  const scans = (await sequentialScans(database.url)) - scansBefore;
  const remaining = await countOf(database.url, "graphile_worker.jobs");
  if (ran + remaining !== backlog) throw new Error(`of ${backlog} jobs ${ran} ran and ${remaining} are left`);
  if (last.runs >= backlog || last.runs === first.runs) throw new Error("the queue was empty before the window ended");
  return { rate: ((last.runs - first.runs) * 1000) / (last.at - first.at), scans: (scans * 1_000) / ran };
}

/** The jobs that have run when so much time has passed, or so many have run. */
async function runsAfter(fleet: Fleet, ms: number, mostRuns: number): Promise<{ runs: number; at: number }> {
  const endsAt = performance.now() + ms;
  for (;;) {
    const runs = await fleet.runs();
    const at = performance.now();
    if (at >= endsAt || runs >= mostRuns) return { runs, at };
    await pause(10);
  }
}

async function enqueue({ backlog, taskCount }: Setting, world: World): Promise<Figures> {
  await using database = await openBacklog(world, backlog, taskCount);
  const scansBefore = await sequentialScans(database.url);
  const rate = await enqueueOneByOne(world, database.url);
  const scans = (await sequentialScans(database.url)) - scansBefore;
  const there = await countOf(database.url, "graphile_worker.jobs");
  if (there !== backlog + 2 * singles) throw new Error(`${there} jobs are there of ${backlog + 2 * singles}`);
  return { rate, scans: (scans * 1_000) / (2 * singles) };
}

async function enqueueOneByOne(world: World, url: string): Promise<number> {
  await using open = await acmeQueue().open(world, url);
  for (let n = 0; n < singles; n++) await open.enqueue(n);
  const startedAt = performance.now();
  for (let n = 0; n < singles; n++) await open.enqueue(n);
  return (singles * 1000) / (performance.now() - startedAt);
}

function openBacklog(world: World, backlog: number, taskCount: number) {
  return freshDatabase(world, `backlog ${backlog} ${taskCount}`, (url) => prepareBacklog(url, backlog, taskCount));
}
