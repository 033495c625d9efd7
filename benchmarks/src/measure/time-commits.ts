import type { Measure, Size, World } from "../benchmark.ts";
import { prepareAcme, prepareOutbox } from "../peers/acme.ts";
import type { Committer } from "../peers/committers.ts";
import { freshDatabase, withClient } from "../servers/databases.ts";

/** Few at a time on many connections: two of them, doing the same, differ by more than the few percent looked for. */
const commits: Record<Size, number> = { quick: 20, default: 120, full: 500 };
/** Enough for a connection to have planned and compiled what it sends. */
const warmUpCount = { least: 20, ofConnection: 5 };

/** The time of one commit, one after the other on each connection. Afterwards each row is there, and each job. */
export async function timeCommits(
  world: World,
  connections: number,
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
        const count = commits[world.size] * Math.min(connections, 4);
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
