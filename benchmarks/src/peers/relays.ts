import { setTimeout as pause } from "node:timers/promises";
import { createJobs, defineTask } from "@acme/jobs";
import type { Measure, World } from "../benchmark.ts";
import { Pool } from "../engine.ts";
import { type Database, freshDatabase, withClient } from "../servers/databases.ts";
import { numbered, prepareAcme, prepareOutbox, silentLogger } from "./acme.ts";
import { taskName } from "./job-queue.ts";

const batchSize = 1_000;
const task = defineTask(taskName, { payload: numbered });

interface Places {
  readonly data: Database;
  readonly jobs: Database;
}

/** Two databases, the first of which has its outbox full; the time counts until the other has it all. */
function measureMove(rowCount: number, move: (places: Places) => Promise<void>, countMoved: string) {
  return (world: World): Promise<Measure> =>
    Promise.resolve({
      async run() {
        await using data = await freshDatabase(world, "data", prepareOutbox);
        await using jobs = await freshDatabase(world, "jobs", prepareAcme);
        await fillOutbox({ data, jobs }, rowCount);
        const startedAt = performance.now();
        await move({ data, jobs });
        const seconds = (performance.now() - startedAt) / 1000;
        const moved = await countOf(countMoved === "copied" ? data.url : jobs.url, countMoved);
        if (moved !== rowCount) throw new Error(`${moved} rows of ${rowCount} have arrived`);
        return { rate: rowCount / seconds };
      },
    });
}

export const measureAcmeRelay = (rowCount: number) => measureMove(rowCount, moveByAcme, "graphile_worker.jobs");
export const measureBareRelay = (rowCount: number) => measureMove(rowCount, moveByHand, "graphile_worker.jobs");
export const measureBareCopy = (rowCount: number) => measureMove(rowCount, copyInPlace, "copied");

async function fillOutbox({ data, jobs: jobsDatabase }: Places, rowCount: number): Promise<void> {
  await using jobs = createJobs({
    connection: jobsDatabase.url,
    outbox: { connection: data.url },
    logger: silentLogger,
  });
  for (let first = 0; first < rowCount; first += 5_000) {
    const length = Math.min(5_000, rowCount - first);
    await jobs.enqueueMany(
      task,
      Array.from({ length }, (_, index) => ({ n: first + index })),
    );
  }
  await withClient(data.url, async (client) => {
    await client.query("create table copied (like acme_jobs.outbox including indexes)");
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
  });
}

async function moveByAcme({ data, jobs: jobsDatabase }: Places): Promise<void> {
  await using jobs = createJobs({
    connection: jobsDatabase.url,
    outbox: { connection: data.url },
    logger: silentLogger,
  });
  await using relay = jobs.startRelay();
  while ((await countOf(data.url, "(select 1 from acme_jobs.outbox limit 1) as outbox")) > 0) await pause(5);
  await relay.stop();
}

/** What somebody writes in an afternoon: killed between the two commits, it adds a batch twice. */
async function moveByHand({ data, jobs }: Places): Promise<void> {
  const source = new Pool({ connectionString: data.url, max: 1 });
  const target = new Pool({ connectionString: jobs.url, max: 1 });
  const client = await source.connect();
  for (let moved = batchSize; moved > 0;) {
    await client.query("begin");
    const { rows } = await client.query<{ id: string; task: string; payload: unknown }>(
      "select id, task, payload from acme_jobs.outbox order by position limit $1 for update skip locked",
      [batchSize],
    );
    const specs = rows.map(({ payload, ...row }) => ({ identifier: row.task, payload }));
    await target.query(
      "select count(*) from graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))",
      [JSON.stringify(specs)],
    );
    await client.query("delete from acme_jobs.outbox where id = any($1::uuid[])", [rows.map(({ id }) => id)]);
    await client.query("commit");
    moved = rows.length;
  }
  client.release();
  await Promise.all([source.end(), target.end()]);
}

async function copyInPlace({ data }: Places): Promise<void> {
  await withClient(data.url, async (client) => {
    for (let after = "0"; ;) {
      const { rows } = await client.query<{ last: string | null }>(
        `with batch as (
           insert into copied overriding system value
           select * from acme_jobs.outbox where position > $1 order by position limit ${batchSize}
           returning position
         ) select max(position)::text as last from batch`,
        [after],
      );
      const last = rows[0]?.last;
      if (last === null || last === undefined) return;
      after = last;
    }
  });
}

export async function countOf(url: string, table: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${table}`);
    return rows[0]?.count ?? NaN;
  });
}
