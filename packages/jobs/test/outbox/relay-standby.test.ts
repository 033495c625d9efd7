import { createTemplate, createTestDatabase, isInstalled } from "@acme/test-postgres";
import { Client, type Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask } from "../../src/index.ts";
import { startReplicatedServer } from "../support/replicated-server.ts";
import { collectInto, createTestJobs, migrateJobs, migrateOutbox, outboxCount } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const silent = collectInto([]);
const patiently = { timeout: 20_000 };
const canFailOver = process.platform !== "win32" && isInstalled("18");
/** Two servers have to start on a machine that others use, too. */
const timeout = 120_000;

describe.runIf(canFailOver)("what a synchronous standby lacks", { timeout }, () => {
  it("stays in the outbox however the relay's wait for it ends, and a failover loses no job", async () => {
    await using data = await createTestDatabase({ template: await createTemplate("outbox", migrateOutbox) });
    await using server = await startReplicatedServer(migrateJobs);
    await using jobs = createJobs({ connection: server.url, outbox: { connection: data.url }, logger: silent });
    await server.pool.query("alter role postgres set client_min_messages = error");
    jobs.startRelay({ pollIntervalMs: 20 });
    const ids = [await jobs.enqueue(task, { n: 1 })];
    await expect.poll(() => outboxCount(data.pool()), patiently).toBe(0);

    server.cutStandbyOff();
    ids.push(...(await jobs.enqueueMany(task, [{ n: 2 }, { n: 3 }])));
    await server.untilOneWaits();

    // After each of them, the next try finds that the jobs are there, and waits for the standby again.
    for (const end of [
      () => server.endWaits("pg_cancel_backend"),
      () => server.endWaits("pg_terminate_backend"),
      () => server.restart(),
      () => server.endWaits("pg_cancel_backend"),
    ]) {
      await end();
      await server.untilOneWaits();
      expect(await idsOfJobs(server.pool)).toEqual(ids.toSorted());
      expect(await outboxCount(data.pool())).toBe(2);
    }
    await server.failOver();
    await expect.poll(() => outboxCount(data.pool()), patiently).toBe(0);
    expect(await idsOfJobs(server.pool)).toEqual(ids.toSorted());
  });

  it("is no job while it is a row of the outbox, and a failover that loses the row leaves no job", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using server = await startReplicatedServer(migrateOutbox);
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: server.url }, logger: silent });
    await server.pool.query("alter role postgres set client_min_messages = error");
    const commitWithoutStandby = async (n: number) => {
      const writing = await beginEnqueue(server.url, (tx) => jobs.enqueue(task, { n }, { tx }));
      const committed = writing.commit();
      await server.untilOneWaits();
      // From now on all others see what it has written.
      await server.endWaits("pg_terminate_backend");
      await committed;
      expect(await outboxCount(server.pool)).toBe(1);
      return writing.id;
    };
    server.cutStandbyOff();
    const id = await commitWithoutStandby(1);
    jobs.startRelay({ pollIntervalMs: 20 });
    await server.untilOneWaits();
    await server.endWaits("pg_cancel_backend");
    await server.untilOneWaits();
    expect(await idsOfJobs(test.jobsPool)).toEqual([]);

    server.bringStandbyBack();
    await expect.poll(() => outboxCount(server.pool), patiently).toBe(0);
    expect(await idsOfJobs(test.jobsPool)).toEqual([id]);

    server.cutStandbyOff();
    await commitWithoutStandby(2);
    await server.untilOneWaits();
    await server.failOver();
    await expect.poll(() => outboxCount(server.pool).catch(() => undefined), patiently).toBe(0);
    const next = await jobs.enqueue(task, { n: 3 });
    await expect.poll(() => outboxCount(server.pool), patiently).toBe(0);
    expect(await idsOfJobs(test.jobsPool)).toEqual([id, next].toSorted());
  });
});

async function beginEnqueue(url: string, write: (tx: Client) => Promise<string>) {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin");
  const id = await write(client);
  return { id, commit: () => client.query("commit").catch(() => undefined) };
}

async function idsOfJobs(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    "select substr(jsonb_object_keys(flags::jsonb), 9) as id from graphile_worker.jobs",
  );
  return rows.map(({ id }) => id).toSorted();
}
