import { type Benchmark, type Case, type Contestant, type Measure, ours, type Size, type World } from "../benchmark.ts";
import { prepareAcme, prepareOutbox } from "../peers/acme.ts";
import { acmeCommitter, bareCommitter, type Committer, type Driver, type Follows } from "../peers/committers.ts";
import { freshDatabase, withClient } from "../servers/databases.ts";

/** Few at a time on many connections: two of them, doing the same, differ by more than the few percent looked for. */
const commits: Record<Size, number> = { quick: 20, default: 120, full: 500 };
const warmUpCount = 20;

interface Variant {
  readonly name: string;
  readonly follows: Follows;
  readonly hasOutbox?: boolean;
  readonly limit: number;
}

const variants: Variant[] = [
  { name: "0 events", follows: "nothing", limit: 1.03 },
  { name: "1 afterCommit", follows: "afterCommit", limit: 1.15 },
  { name: "1 durable", follows: "durable", limit: 1.05 },
  { name: "1 durable, outbox", follows: "durable", hasOutbox: true, limit: 1.05 },
];

export const commit: Benchmark = {
  name: "commit",
  work: "one row inserted in a transaction of its own, and what follows from it; one commit after the other",
  budgetMs: 50_000,
  rounds: { least: 15, most: 45 },
  // A few percent between two processes would be more than what is looked for.
  processes: "shared",
  cases: (size) =>
    (["pg", "knex"] as const).flatMap((driver) => variants.map((variant) => commitCase(driver, variant, size))),
};

function commitCase(driver: Driver, { name, follows, hasOutbox = false, limit }: Variant, size: Size): Case {
  const bare = follows === "durable" ? `${driver} and add_job` : driver;
  return {
    name: `${driver}, ${name}`,
    metrics: [{ name: "time", unit: "µs", better: "lower" }],
    contestants: [
      contestant(ours, `unitOfWork.run on ${driver}`, driver, size, (url, jobsUrl) =>
        acmeCommitter(driver, url, follows, hasOutbox ? jobsUrl : undefined),
      ),
      ...[bare, ...(follows === "nothing" ? [`${driver}, once more`] : [])].map((peer) =>
        contestant(peer, bareSettings(driver, follows), driver, size, (url) =>
          Promise.resolve(bareCommitter(driver, url, follows === "durable")),
        ),
      ),
    ],
    goals: [{ metric: "time", of: ours, against: [bare], kind: "cost", limit }],
  };
}

function bareSettings(driver: Driver, follows: Follows): string {
  const transaction = driver === "pg" ? "begin, insert, commit on a client of a pg.Pool" : "knex.transaction";
  return follows === "durable"
    ? `${transaction}, with select graphile_worker.add_job(…) before the commit`
    : transaction;
}

function contestant(
  name: string,
  settings: string,
  driver: Driver,
  size: Size,
  open: (url: string, jobsUrl: string) => Promise<Committer>,
): Contestant {
  return {
    name,
    settings,
    ...(name === ours ? {} : { package: driver }),
    start: (world) => start(world, size, open),
  };
}

async function start(
  world: World,
  size: Size,
  open: (url: string, jobsUrl: string) => Promise<Committer>,
): Promise<Measure> {
  const data = await freshDatabase(world, "rows", prepare);
  const jobs = await freshDatabase(world, "jobs", prepareAcme);
  let committed = 0;

  return {
    async run() {
      const committer = await open(data.url, jobs.url);
      const commitMany = async (count: number) => {
        for (let index = 0; index < count; index++) await committer.commit(++committed);
      };
      try {
        await commitMany(warmUpCount);
        const handledBefore = committer.handledCount;
        const startedAt = performance.now();
        await commitMany(commits[size]);
        const time = ((performance.now() - startedAt) * 1000) / commits[size];
        const handled = committer.handledCount - handledBefore;
        if (handled !== 0 && handled !== commits[size]) throw new Error(`${handled} handlers ran of ${commits[size]}`);
        await assertThere(data.url, committed);
        return { time };
      } finally {
        await committer.close();
      }
    },
    async stop() {
      await data[Symbol.asyncDispose]();
      await jobs[Symbol.asyncDispose]();
    },
  };
}

async function prepare(url: string): Promise<void> {
  await prepareAcme(url);
  await prepareOutbox(url);
  await withClient(url, (client) => client.query("create table rows (n int primary key)"));
}

/** Each row, and for each row its job where there are any. */
async function assertThere(url: string, committed: number): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ rows: number; jobs: number; outbox: number }>(
      `select (select count(*)::int from rows) as rows, (select count(*)::int from graphile_worker.jobs) as jobs,
         (select count(*)::int from acme_jobs.outbox) as outbox`,
    );
    const there = rows[0] ?? { rows: 0, jobs: 0, outbox: 0 };
    const followers = there.jobs + there.outbox;
    if (there.rows === committed && (followers === 0 || followers === committed)) return;
    throw new Error(`of ${committed} commits ${there.rows} rows and ${followers} jobs are there`);
  });
}
