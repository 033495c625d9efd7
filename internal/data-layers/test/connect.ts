import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { createJobs } from "@acme/jobs";
import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import type { Layer } from "../src/layer.ts";

export class Happened extends defineEvent("happened", props<{ n: number }>()) {}

/** A database with a unit of work of that layer, which `reset` empties for the next test. */
export async function connect<Tx>(layer: Layer<Tx>) {
  const database = await createTestDatabase();
  const admin = new Pool({ connectionString: database.url });
  await admin.query(
    "create table rows (id int primary key); create table counters (value int); insert into counters values (0)",
  );
  const jobs = createJobs({ connection: admin });
  await jobs.migrate();
  const { adapter, own, end } = await layer.connect(database.url, { max: 1, onClient() {} });
  const bus = createEventBus<Tx>();
  const handled: number[] = [];
  bus.register(Happened, ({ n }) => void handled.push(n));
  const read = async (text: string) => (await admin.query<{ one: number }>(text)).rows.map(({ one }) => one);
  return {
    admin,
    jobs,
    handled,
    own,
    unitOfWork: createUnitOfWork<Tx>(adapter, { bus } as never),
    stored: () => read("select id as one from rows order by id"),
    jobCount: async () => (await read("select count(*)::int as one from graphile_worker.jobs"))[0],
    async reset() {
      handled.length = 0;
      await admin.query("truncate rows; update counters set value = 0");
    },
    async end() {
      await end();
      await jobs.close();
      await admin.end();
      await database[Symbol.asyncDispose]();
    },
  };
}
