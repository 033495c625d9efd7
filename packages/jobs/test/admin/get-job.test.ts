import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, NonRetryableError, perform } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";
import { addPlain } from "../support/add-plain.ts";
import { collectInto, createTestJobs, plainKeyOf, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const unknown = "0199f2c1-0000-7000-8000-00000000ac5e";

async function wholeRow({ jobsPool }: TestJobs) {
  const { rows } = await jobsPool.query(
    "select ctid, xmax, jobs::text as text from graphile_worker._private_jobs as jobs order by id",
  );
  return rows.map((row: { text: string }) => row.text);
}

describe("get", () => {
  it("finds a job by its id and by its number", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });

    const byId = await test.jobs.admin.get(id);

    expect(byId).toMatchObject({ in: "queue", job: { id, jobId: "1", task: "t", state: "due" }, errors: [] });
    expect(await test.jobs.admin.get("1")).toEqual(byId);
    expect(await test.jobs.admin.get("0001")).toEqual(byId);
    expect(await test.jobs.admin.get(id.toUpperCase())).toEqual(byId);
    expect(byId && "payload" in byId).toBe(false);
  });

  it("finds a job that plain SQL has added by the idempotencyKey of its runs", async () => {
    await using test = await createTestJobs();
    await addPlain(test.jobsPool, "plain", 2);
    const key = await plainKeyOf(test.jobsPool, "2");

    const found = await test.jobs.admin.get(key);

    expect(found).toMatchObject({ in: "queue", job: { jobId: "2", task: "plain" } });
    expect(await test.jobs.admin.get(key.replace(/^[^:]+/, unknown))).toBeUndefined();
    expect(await test.jobs.admin.get(`${key}0`)).toBeUndefined();
  });

  it("tells the errors of a job that waits for its next attempt", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });
    await test.jobs.startWorker({ tasks: [perform(task, () => Promise.reject(new TypeError("broken")))] });

    await expect
      .poll(() => test.jobs.admin.get(id))
      .toMatchObject({
        in: "queue",
        job: { hasFailed: true },
        errors: [{ attempt: 1, name: "TypeError", message: "broken" }],
      });
  });

  it("finds a row of the outbox, and a dead letter", async () => {
    await using test = await createTestJobs({ outbox: true });
    const id = await test.jobs.enqueue(task, { n: 7 }, { key: "k", priority: 2 });
    const waiting = await test.jobs.admin.get(id);
    const payload = await test.jobs.admin.payload(id);

    await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(new NonRetryableError("broken")))] });
    const dead = await test.jobs.admin.get(id);

    expect(waiting).toMatchObject({
      in: "outbox",
      row: { id, task: "t", key: "t:k", priority: 2, runAt: null, origin: {} },
    });
    expect(dead).toMatchObject({ in: "deadLetters", letter: { id, reason: "broken" } });
    expect(dead?.in === "deadLetters" && "payload" in dead.letter).toBe(false);
    expect([payload, await test.jobs.admin.payload(id)]).toEqual([{ n: 7 }, { n: 7 }]);
  });

  it("finds jobs while the database of the outbox is away, and says so only of what it does not find", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });
    const away = { connection: "postgres://nobody@localhost:1/none" };
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: away, logger: collectInto([]) });

    expect(await jobs.admin.get(id)).toMatchObject({ in: "queue" });
    await expect(jobs.admin.get(unknown)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("finds nothing where nothing is, and refuses what is no id", async () => {
    await using test = await createTestJobs();

    expect(await test.jobs.admin.get(unknown)).toBeUndefined();
    expect(await test.jobs.admin.get("99")).toBeUndefined();
    for (const id of [undefined, "", 5, "\0", "x".repeat(1_001)]) {
      await expect(test.jobs.admin.get(id as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    }
  });

  it("stops looking for an id after two seconds, and says what to do", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    // The statements by index are answered: the scan alone names flags first.
    await test.jobsPool.query(`
      alter view graphile_worker.jobs rename to real_jobs;
      create function graphile_worker.slowly(flags jsonb) returns jsonb language plpgsql as
        $$ begin if current_query() like '%limit 1' then perform pg_sleep(30); end if; return flags; end $$;
      create view graphile_worker.jobs as select id, queue_name, task_identifier, priority, run_at, attempts, max_attempts,
        last_error, created_at, updated_at, key, locked_at, locked_by, revision, graphile_worker.slowly(flags) as flags
        from graphile_worker.real_jobs`);

    const finding = test.jobs.admin.get(unknown);

    await expect(finding).rejects.toMatchObject({ code: "JOB_SEARCH_TIMEOUT" });
    expect(await test.jobs.admin.get("1")).toMatchObject({ in: "queue" });
  });
});

describe("payload", () => {
  it("returns it and changes nothing", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 }, { key: "k", queue: "q", runAt: new Date(Date.now() + 1e6) });
    const before = await wholeRow(test);

    const payload = await test.jobs.admin.payload(id);

    expect(payload).toEqual({ n: 1 });
    expect(await test.jobs.admin.payload("1")).toEqual({ n: 1 });
    expect(await wholeRow(test)).toEqual(before);
  });

  it("leaves no trace of what triggers of the application do, and tells no listener", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query(`
      create table seen (id bigint);
      create function see() returns trigger language plpgsql as
        $$ begin insert into seen values (new.id); perform pg_notify('seen', new.id::text); return new; end $$;
      create trigger see after update on graphile_worker._private_jobs for each row execute function see()`);
    const listener = await test.jobsPool.connect();
    const heard: string[] = [];
    listener.on("notification", ({ payload = "" }) => heard.push(payload));
    await listener.query("listen seen");

    await test.jobs.admin.payload("1");
    await test.jobsPool.query("select pg_notify('seen', 'end')");

    await expect.poll(() => heard).toEqual(["end"]);
    listener.release(true);
    expect((await test.jobsPool.query("select from seen")).rowCount).toBe(0);
  });

  it("holds no transaction open, and gives the connection back without one", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });

    await test.jobs.admin.payload("1");

    const { rows } = await test.jobsPool.query(
      "select state from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and backend_type = 'client backend'",
    );
    expect(rows).toEqual([]);
    expect(await test.jobs.admin.runNow({})).toEqual({ changedCount: 0, skippedCount: 1 });
  });

  it("does not wait for a job that somebody has locked, and says that", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_at = now() - interval '5 hours', locked_by = 'w' where id = 1",
    );
    const busy = await test.jobsPool.connect();
    await busy.query("begin");
    await busy.query("select from graphile_worker.reschedule_jobs(array[2])");

    await expect(test.jobs.admin.payload("1")).rejects.toMatchObject({ code: "JOB_LOCKED" });
    await expect(test.jobs.admin.payload("2")).rejects.toMatchObject({ code: "JOB_LOCKED" });
    await busy.query("rollback");
    busy.release();
    expect(await test.jobs.admin.payload("2")).toEqual({ n: 2 });
  });

  it("says that there is no such job", async () => {
    await using test = await createTestJobs();

    for (const id of ["1", unknown])
      await expect(test.jobs.admin.payload(id)).rejects.toMatchObject({ code: "JOB_MISSING" });
  });

  it("never disturbs a worker that takes the same jobs", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    const ids = await test.jobs.enqueueMany(
      task,
      Array.from({ length: 200 }, (_, n) => ({ n })),
    );
    const ran: number[] = [];
    await test.jobs.startWorker({ tasks: [perform(task, ({ n }) => void ran.push(n))], concurrency: 2 });

    const ends = await Promise.allSettled(ids.map((id) => test.jobs.admin.payload(id)));

    await expect.poll(() => ran.length, { timeout: 20_000 }).toBe(200);
    expect(ran.toSorted((a, b) => a - b)).toEqual(ids.map((_, n) => n));
    const refused = ends
      .filter((end) => end.status === "rejected")
      .map(({ reason }) => (reason as { code: string }).code);
    expect(refused.filter((code) => code !== "JOB_LOCKED" && code !== "JOB_MISSING")).toEqual([]);
  });
});
