import { type Benchmark, type Case, type Contestant, type Measure, ours, type Size, type World } from "../benchmark.ts";
import { prepareAcme, prepareOutbox } from "../peers/acme.ts";
import { acmeCommitter, bareCommitter, type Committer, type Driver, type Follows } from "../peers/committers.ts";
import { freshDatabase, withClient } from "../servers/databases.ts";

/** Few at a time on many connections: two of them, doing the same, differ by more than the few percent looked for. */
const commits: Record<Size, number> = { quick: 20, default: 120, full: 500 };
/** Enough for a connection to have planned and compiled what it sends. */
const warmUpCount = { least: 20, ofConnection: 5 };

interface Variant {
  readonly name: string;
  /** At work at once. Default: one. */
  readonly connections?: number;
  readonly follows: Follows;
  readonly hasOutbox?: boolean;
  readonly limit: number;
}

const variants: Variant[] = [
  { name: "0 events", follows: "nothing", limit: 1.03 },
  { name: "1 afterCommit", follows: "afterCommit", limit: 1.15 },
  { name: "1 durable", follows: "durable", limit: 1.05 },
  { name: "1 durable, outbox", follows: "durable", hasOutbox: true, limit: 1.05 },
  // What one connection cannot see: locks that commits take from each other, and what a unit costs a server that is busy.
  ...[8, 32].flatMap((connections): Variant[] => [
    { name: `0 events, ${connections} connections`, connections, follows: "nothing", limit: 1.05 },
    { name: `1 afterCommit, ${connections} connections`, connections, follows: "afterCommit", limit: 1.15 },
    { name: `1 durable, ${connections} connections`, connections, follows: "durable", limit: 1.05 },
  ]),
];

/** What the outbox asks beyond its row: who commits with NOTIFY waits for everybody else who does. */
const outboxVariants = [1, 32].map((connections) => ({ connections, limit: 1.15 }));
const byHand = "the unit and an equal row by hand";
const inOneDatabase = "acme, jobs in the same database";

export const commit: Benchmark = {
  name: "commit",
  work: "one row inserted in a transaction of its own, and what follows from it; one commit after the other on each connection",
  budgetMs: 100_000,
  rounds: { least: 15, most: 45 },
  // A few percent between two processes would be more than what is looked for.
  processes: "shared",
  cases: (size) =>
    (["pg", "knex"] as const).flatMap((driver) => [
      ...variants.map((variant) => commitCase(driver, variant, size)),
      ...outboxVariants.map(({ connections, limit }) => outboxCase({ driver, size, connections, limit })),
    ]),
};

function outboxCase({ driver, size, connections, limit }: Load & { driver: Driver; limit: number }): Case {
  const load = { size, connections };
  const run = `unitOfWork.run on ${driver}`;
  return {
    name: `${driver}, 1 durable by the outbox beside its row, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    metrics: [{ name: "time", unit: "µs", better: "lower" }],
    contestants: [
      contestant(ours, run, driver, load, (url, jobsUrl) =>
        acmeCommitter({ driver, url, connections }, "durable", jobsUrl),
      ),
      contestant(byHand, `${run}, insert into acme_jobs.outbox`, driver, load, (url) =>
        acmeCommitter({ driver, url, connections }, "row"),
      ),
      contestant(inOneDatabase, `${run}, without an outbox`, driver, load, (url) =>
        acmeCommitter({ driver, url, connections }, "durable"),
      ),
    ],
    goals: [{ metric: "time", of: ours, against: [byHand], kind: "cost", limit }],
  };
}

function commitCase(driver: Driver, variant: Variant, size: Size): Case {
  const { name, follows, hasOutbox = false, limit, connections = 1 } = variant;
  const bare = follows === "durable" ? `${driver} and add_job` : driver;
  return {
    name: `${driver}, ${name}`,
    metrics: [{ name: "time", unit: "µs", better: "lower" }],
    contestants: [
      contestant(ours, `unitOfWork.run on ${driver}`, driver, { size, connections }, (url, jobsUrl) =>
        acmeCommitter({ driver, url, connections }, follows, hasOutbox ? jobsUrl : undefined),
      ),
      ...[bare, ...(follows === "nothing" ? [`${driver}, once more`] : [])].map((peer) =>
        contestant(peer, bareSettings(driver, follows), driver, { size, connections }, (url) =>
          Promise.resolve(bareCommitter({ driver, url, connections }, follows === "durable")),
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
  load: Load,
  open: (url: string, jobsUrl: string) => Promise<Committer>,
): Contestant {
  return {
    name,
    settings,
    ...(settings.startsWith("unitOfWork") ? {} : { package: driver }),
    start: (world) => start(world, load, open),
  };
}

interface Load {
  readonly size: Size;
  readonly connections: number;
}

async function start(
  world: World,
  { size, connections }: Load,
  open: (url: string, jobsUrl: string) => Promise<Committer>,
): Promise<Measure> {
  const data = await freshDatabase(world, "rows", prepare);
  const jobs = await freshDatabase(world, "jobs", prepareAcme);
  let committed = 0;

  return {
    async run() {
      const committer = await open(data.url, jobs.url);
      const commitMany = async (count: number) => {
        const lastNumber = committed + count;
        const commitInTurn = async () => {
          while (committed < lastNumber) await committer.commit(++committed);
        };
        await Promise.all(Array.from({ length: connections }, commitInTurn));
      };
      try {
        await commitMany(Math.max(warmUpCount.least, warmUpCount.ofConnection * connections));
        const handledBefore = committer.handledCount;
        const startedAt = performance.now();
        const count = commits[size] * Math.min(connections, 4);
        await commitMany(count);
        const time = ((performance.now() - startedAt) * 1000) / count;
        const handled = committer.handledCount - handledBefore;
        if (handled !== 0 && handled !== count) throw new Error(`${handled} handlers ran of ${count}`);
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
