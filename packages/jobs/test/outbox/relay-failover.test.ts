import { createTemplate, createTestDatabase, isInstalled } from "@acme/test-postgres";
import { expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { startReplicatedServer } from "../support/replicated-server.ts";
import { collectInto, migrateJobs, migrateOutbox, outboxCount, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({}) });
const patiently = { timeout: 30_000 };
const canFailOver = process.platform !== "win32" && isInstalled("18");
const runAt = new Date(Date.now() + 86_400_000);

it.runIf(canFailOver)(
  "a failover to an asynchronous standby loses the jobs that it lacks, and repeats those whose ends it lacks",
  { timeout: 120_000 },
  async () => {
    await using data = await createTestDatabase({ template: await createTemplate("outbox", migrateOutbox) });
    await using server = await startReplicatedServer(migrateJobs, { isSynchronous: false });
    const connections = { connection: server.url, outbox: { connection: data.url }, logger: collectInto([]) };
    await using jobs = createJobs(connections);
    const relay = jobs.startRelay({ pollIntervalMs: 20 });
    const received = await jobs.enqueue(task, {});
    await expect.poll(() => outboxCount(data.pool()), patiently).toBe(0);
    const isReceivedSql =
      "select sent_lsn = pg_current_wal_lsn() and replay_lsn = sent_lsn as holds from pg_stat_replication";
    await expect.poll(async () => (await server.pool.query(isReceivedSql)).rows, patiently).toEqual([{ holds: true }]);

    server.cutStandbyOff();
    const ran: string[] = [];
    await jobs.startWorker({
      tasks: [perform(task, async (_payload, { idempotencyKey }) => void ran.push(idempotencyKey))],
      relay: false,
    });
    await expect.poll(() => ran).toEqual([received]);
    await jobs.enqueue(task, {}, { runAt });
    const lost = await jobs.enqueue(task, {});
    await expect.poll(() => ran, patiently).toEqual([received, lost]);
    await expect.poll(() => outboxCount(data.pool()), patiently).toBe(0);
    await expect.poll(() => storedJobs(server.pool), patiently).toMatchObject([{ attempts: 0 }]);
    await server.failOver();

    await expect.poll(() => ran, patiently).toEqual([received, lost, received]);
    await expect.poll(() => storedJobs(server.pool).catch(() => undefined), patiently).toEqual([]);
    const later = await jobs.enqueue(task, {});
    await expect.poll(() => ran, patiently).toEqual([received, lost, received, later]);
    await expect.poll(() => storedJobs(server.pool), patiently).toEqual([]);
    await relay.stop();
  },
);
