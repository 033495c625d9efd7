import { startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../src/index.ts";
import { collectInto, createTestJobs, storedJobs } from "./support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const never = perform(task, () => new Promise(() => undefined));

describe("close()", () => {
  it("waits for calls of enqueue that have begun, also if there are more of them than connections", async () => {
    await using test = await createTestJobs();
    const jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const enqueued = Array.from({ length: 200 }, (_, n) => jobs.enqueue(task, { n }));
    await enqueued[0];

    await jobs.close();

    await Promise.all(enqueued);
    expect(await storedJobs(test.jobsPool)).toHaveLength(200);
    await expect(jobs.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("waits for calls of enqueue whose payload is still being checked", async () => {
    await using test = await createTestJobs();
    const isChecking = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const payload = z.object({ n: z.number() }).refine(async () => {
      isChecking.resolve();
      await gate.promise;
      return true;
    });
    const jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const enqueued = jobs.enqueue(defineTask("checked", { payload }), { n: 1 });
    await isChecking.promise;

    const closing = jobs.close();
    gate.resolve();

    await closing;
    await expect(enqueued).resolves.toEqual(expect.any(String));
    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
  });

  it("ends the use of a caller's pool as well, and leaves that pool open", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl });
    const jobs = createJobs({ connection: pool, outbox: { connection: pool }, logger: collectInto([]) });
    await jobs.close();

    await expect(jobs.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "CLOSED" });
    await expect(jobs.startWorker({ tasks: [never] })).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => jobs.startRelay()).toThrow(expect.objectContaining({ code: "CLOSED" }) as Error);
    await expect(pool.query("select")).resolves.toBeDefined();
    await pool.end();
  });

  it("ends on a network that has gone silent, with connections in use and others idle", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    await Promise.all(Array.from({ length: 8 }, (_, n) => jobs.enqueue(task, { n })));
    proxy.goSilent();
    const enqueuing = jobs.enqueue(task, { n: 8 });
    enqueuing.catch(() => undefined);

    await jobs.close();

    await expect(enqueuing).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });

  it("ends on a silent network a worker and a relay as well", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using proxy = await startProxy(test.jobsUrl);
    const jobs = createJobs({
      connection: proxy.url,
      outbox: { connection: test.dataUrl },
      logger: collectInto([]),
    });
    const worker = await jobs.startWorker({ tasks: [never] });
    await jobs.enqueue(task, { n: 1 });
    await expect
      .poll(
        async () =>
          (await test.jobsPool.query("select from graphile_worker.jobs where locked_at is not null")).rowCount,
      )
      .toBe(1);
    proxy.goSilent();
    const stopping = worker.stop({ deadlineMs: 0 });
    stopping.catch(() => undefined);

    await expect(jobs.close()).rejects.toMatchObject({ code: "STOP_INCOMPLETE" });

    await expect(stopping).rejects.toMatchObject({ code: "STOP_INCOMPLETE" });
  });

  it("leaves no worker that was still starting", async () => {
    await using test = await createTestJobs();
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table acme_jobs.migrations in access exclusive mode");
    const jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const starting = jobs.startWorker({ tasks: [never] });
    starting.catch(() => undefined);
    await expect
      .poll(
        async () =>
          (
            await test.jobsPool.query(
              "select from pg_locks where relation = 'acme_jobs.migrations'::regclass and not granted",
            )
          ).rowCount,
      )
      .toBe(1);

    const closing = jobs.close();
    await holder.query("rollback");
    holder.release();
    await closing;

    await expect(starting).rejects.toMatchObject({ code: "CLOSED" });
    await expect.poll(async () => (await test.jobsPool.query("select from acme_jobs.workers")).rowCount).toBe(0);
  });
});
