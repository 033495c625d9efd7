import { startProxy, startServer } from "@acme/test-postgres";
import { Client, Pool, type QueryConfig } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { waitInTrigger } from "../support/held-step.ts";
import { createTestJobs, outboxCount } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, retry, snooze } from "../../src/index.ts";
import { drain, performTask } from "../../src/testing/index.ts";

const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }),
});
const hurried = defineTask("hurried", { payload: z.object({ n: z.number() }), timeoutMs: 30 });

describe("performTask", () => {
  it("runs the code once and returns what it returned", async () => {
    const double = perform(task, ({ n }, { attempt }) => n * 2 + attempt);

    expect(await performTask(double, { n: 4 }, { attempt: 2 })).toBe(10);
  });

  it("passes on what the code threw", async () => {
    const failing = perform(task, () => {
      throw snooze(5);
    });

    await expect(performTask(failing, { n: 1 })).rejects.toMatchObject({ name: "SnoozeError", delayMs: 5 });
  });

  it("refuses a payload that does not fit, and ends at the time limit", async () => {
    const hanging = perform(hurried, () => new Promise(() => undefined));

    await expect(performTask(hanging, { n: "x" as never })).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    await expect(performTask(hanging, { n: 1 })).rejects.toMatchObject({ code: "ATTEMPT_TIMEOUT" });
    // A thenable of another make may answer with a promise that has not settled.
    // oxlint-disable-next-line unicorn/no-thenable -- that is the case.
    const chained = { then: (onDone: (value: unknown) => void) => onDone(new Promise(() => undefined)) };
    const chaining = perform(hurried, () => chained as unknown as Promise<void>);
    await expect(performTask(chaining, { n: 1 })).rejects.toMatchObject({ code: "ATTEMPT_TIMEOUT" });
  });
});

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("drain with jobs %s", (_, outbox) => {
  it("runs all due jobs, including those that jobs enqueue, and retries without their delays", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: string[] = [];
    const second = defineTask("second", { payload: z.object({}) });
    const tasks = [
      perform(task, async ({ n }, { attempt }) => {
        seen.push(`t${n}#${attempt}`);
        if (attempt === 1) throw new Error("once");
        await test.jobs.enqueue(second, {});
      }),
      perform(second, () => void seen.push("second")),
    ];
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });

    const result = await drain(test.jobs, { tasks });

    expect(seen).toEqual(["t1#1", "t1#2", "second"]);
    expect(result).toEqual({ doneCount: 2, failedCount: 1, snoozedCount: 0, deadCount: 0 });
  });

  it("runs once what is there, also in the outbox, if it does not follow, and no more than its limit", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: number[] = [];
    const run = async ({ n }: { n: number }) => {
      seen.push(n);
      await test.jobs.enqueue(task, { n: n + 10 });
    };
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);

    expect(await drain(test.jobs, { tasks: [perform(task, run)], follow: false })).toMatchObject({ doneCount: 2 });
    expect(seen).toEqual([1, 2]);
    expect(await drain(test.jobs, { tasks: [perform(task, run)], limit: 3 })).toMatchObject({ doneCount: 3 });
    expect(seen).toEqual([1, 2, 11, 12, 21]);
  });

  it("leaves jobs that wait for their time if skipDelays is false", async () => {
    await using test = await createTestJobs({ outbox });
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });

    const result = await drain(test.jobs, { tasks: [perform(task, () => undefined)], skipDelays: false });

    expect(result).toEqual({ doneCount: 0, failedCount: 0, snoozedCount: 0, deadCount: 0 });
  });
});

describe("drain", () => {
  it("gives up in time if a job that it would make due is locked", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date("2099-01-01") });
    const client = await test.jobsPool.connect();
    await client.query("begin; select from graphile_worker._private_jobs for update");

    const draining = drain(test.jobs, { tasks: [perform(task, () => undefined)], withinMs: 500 });

    await expect(draining).rejects.toMatchObject({ code: "DRAIN_INCOMPLETE" });
    await client.query("rollback");
    client.release();
  });

  it("gives up in time if the outbox is locked", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 });
    const client = await test.dataPool.connect();
    await client.query("begin; lock table acme_jobs.outbox in access exclusive mode");

    const draining = drain(test.jobs, { tasks: [perform(task, () => undefined)], withinMs: 500 });

    await expect(draining).rejects.toMatchObject({ code: "DRAIN_INCOMPLETE" });
    await client.query("rollback");
    client.release();
  });

  it("gives up in time if the jobs database does not answer from the start", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url });
    proxy.goSilent();
    const startedAt = performance.now();

    const draining = drain(jobs, { tasks: [perform(task, () => undefined)], withinMs: 500 });

    await expect(draining).rejects.toMatchObject({ code: "DRAIN_INCOMPLETE" });
    // Half a second, two for its worker, and none of the ten for a connection.
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    proxy.resume();
  });

  it("moves nothing any more once it has given up", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 50 }, (_, n) => ({ n })),
    );
    await using step = await waitInTrigger(
      test,
      test.jobsPool,
      "trigger held after insert on graphile_worker._private_jobs for each statement",
      "%graphile_worker.add_jobs%",
    );

    const draining = drain(test.jobs, { tasks: [perform(hurried, () => undefined)], withinMs: 500 });

    await expect(draining).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
      message: expect.stringContaining("rows in the outbox") as string,
    });
    const claims =
      "select 1 from pg_locks join pg_class on oid = relation where relname = 'outbox' and mode = 'RowShareLock'";
    await step.letGo();
    await expect.poll(async () => (await test.dataPool.query(claims)).rowCount).toBe(0);
    await test.jobs.enqueue(task, { n: 99 });
    expect(await outboxCount(test.dataPool)).toBeGreaterThan(0);
  });

  it("counts an attempt over its time limit as failed, also if its code ends later", async () => {
    await using test = await createTestJobs();
    const once = defineTask("hurried", { payload: z.object({ n: z.number() }), timeoutMs: 30, retry: retry.never });
    const late = perform(
      once,
      (_, { signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
    );
    await test.jobs.enqueue(once, { n: 1 });

    expect(await drain(test.jobs, { tasks: [late] })).toMatchObject({ doneCount: 0, failedCount: 1, deadCount: 1 });
  });

  it("counts what succeeded, failed, was put off and is dead, also where the code never ran or never ends", async () => {
    await using test = await createTestJobs();
    const strict = defineTask("strict", { payload: z.object({ n: z.number().max(5) }) });
    const deaf = defineTask("deaf", { payload: z.object({}), timeoutMs: 30, retry: retry.never });
    const once = ({ n }: { n: number }, { attempt }: { attempt: number }) => {
      if (n === 1 || attempt < n) throw new Error("broken");
    };
    let isPutOff = false;
    const tasks = [
      perform(task, once),
      perform(strict, () => {
        if (!isPutOff) throw ((isPutOff = true), snooze(3_600_000));
      }),
      perform(deaf, () => new Promise(() => undefined)),
    ];
    await test.jobs.enqueueMany(task, [{ n: 0 }, { n: 1 }, { n: 2 }]);
    await test.jobs.enqueue(strict, { n: 1 });
    await test.jobs.enqueue(deaf, {});
    await test.jobsPool.query("select graphile_worker.add_job('strict', '{\"n\":9}')");

    const result = await drain(test.jobs, { tasks });

    // One by one: all attempts of n = 1, the first of n = 2, the payload that does not fit, the time limit.
    expect(result).toEqual({ doneCount: 3, failedCount: 3 + 1 + 1 + 1, snoozedCount: 1, deadCount: 3 });
    expect(await test.jobs.deadLetters.list()).toHaveLength(3);
  });

  it("makes the tables of the outbox, too", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query("drop schema acme_jobs cascade");
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });

    expect(await drain(jobs, { tasks: [perform(task, () => undefined)] })).toEqual({
      doneCount: 0,
      failedCount: 0,
      snoozedCount: 0,
      deadCount: 0,
    });
  });

  it("waits for rows that a relay beside it has claimed", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using step = await waitInTrigger(
      test,
      test.jobsPool,
      "trigger held after insert on graphile_worker._private_jobs for each statement",
      "%graphile_worker.add_jobs%",
    );
    await using relaying = createJobs({ connection: step.jobsUrl, outbox: { connection: step.dataUrl } });
    await test.jobs.enqueue(task, { n: 1 });
    relaying.startRelay();
    await step.reached();

    const draining = drain(test.jobs, { tasks: [perform(task, () => undefined)] });
    // It has looked for rows, and found none that it could claim.
    const looks =
      "select 1 from pg_stat_activity where query like '%acme_jobs.outbox_identity%' and pid <> pg_backend_pid() and application_name = ''";
    await expect.poll(async () => (await test.dataPool.query(looks)).rowCount).toBeGreaterThan(0);
    await step.letGo();

    expect(await draining).toMatchObject({ doneCount: 1 });
  });

  it("sees a row that a job has written which came and went between two looks", async () => {
    await using test = await createTestJobs({ outbox: true });
    const looked = Promise.withResolvers<void>();
    const ran: number[] = [];
    const left = async () => (await test.jobsPool.query("select 1 from graphile_worker.jobs")).rowCount;
    const untilNoneIsLeft = async () => await expect.poll(left).toBe(0);
    /** The count of what is left, after the look at the outbox, is slower than the job that was just moved. */
    class SlowCount extends Client {
      override query = (async (config: QueryConfig) => {
        const isCount = config.text?.includes("group by job.task_identifier");
        if (isCount && ran.includes(1) && (await outboxCount(test.dataPool)) === 0) {
          looked.resolve();
          await untilNoneIsLeft();
        }
        return super.query(config);
      }) as Client["query"];
    }
    const pool = new Pool({ connectionString: test.jobsUrl, Client: SlowCount });
    await using jobs = createJobs({ connection: pool, outbox: { connection: test.dataUrl } });
    await jobs.enqueue(task, { n: 1 });

    const run = async ({ n }: { n: number }) => {
      ran.push(n);
      if (n === 2) await looked.promise;
      if (n < 3) await jobs.enqueue(task, { n: n + 1 });
    };
    await drain(jobs, { tasks: [perform(task, run)] });

    expect(ran).toEqual([1, 2, 3]);
    await jobs.close();
    await pool.end();
  });

  it("is not held up by a row of the outbox that no job can be made of", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ran: number[] = [];
    await test.jobs.enqueue(task, { n: 1 });
    await test.dataPool.query(
      `insert into acme_jobs.outbox (id, task, payload, queue, preserve_run_at)
       values (gen_random_uuid(), 't', '{"n":2}', repeat('q', 200), false)`,
    );
    await test.jobs.enqueue(task, { n: 3 });

    await drain(test.jobs, { tasks: [perform(task, ({ n }) => void ran.push(n))] });

    expect(ran.toSorted((a, b) => a - b)).toEqual([1, 3]);
    expect(await test.jobs.deadLetters.list()).toHaveLength(1);
  });

  it("outlives a restart of the server", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await using jobs = createJobs({ connection: server.url("jobs") });
    await jobs.migrate();
    await jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    const ran: number[] = [];
    const restarting = perform(task, async ({ n }) => {
      ran.push(n);
      if (ran.length > 1) return;
      await server.stop();
      await server.start();
    });

    await drain(jobs, { tasks: [restarting], withinMs: 60_000 });

    expect([...new Set(ran)].toSorted()).toEqual([1, 2]);
  });

  it("gives up with the names of what is left when tasks never end", async () => {
    await using test = await createTestJobs();
    const endless = perform(task, async ({ n }) => void (await test.jobs.enqueue(task, { n })));
    await test.jobs.enqueue(task, { n: 1 });

    await expect(drain(test.jobs, { tasks: [endless], withinMs: 300 })).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
      message: expect.stringContaining("jobs of: t") as string,
    });
  });

  it("gives up in time if a task hangs, and leaves the job free", async () => {
    await using test = await createTestJobs();
    const hanging = perform(task, () => new Promise(() => undefined));
    await test.jobs.enqueue(task, { n: 1 });
    const startedAt = performance.now();

    await expect(drain(test.jobs, { tasks: [hanging], withinMs: 300 })).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
    });

    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await drain(test.jobs, { tasks: [perform(task, () => undefined)] })).toMatchObject({ doneCount: 1 });
  });
});
