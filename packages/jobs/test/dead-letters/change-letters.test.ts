import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, NonRetryableError, perform, type Progress } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";
import { addLetters } from "../support/add-letters.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe("retryAll", () => {
  it("makes each a job as retry does: payload, queue, key, priority, id, flags and history", async () => {
    await using test = await createTestJobs();
    const { jobs, jobsPool } = test;
    const id = await jobs.enqueue(task, { n: 1 }, { queue: "q", key: "k", priority: 3 });
    const failing = perform(task, () => Promise.reject(new NonRetryableError("broken")));
    await drain(jobs, { tasks: [failing] });
    await jobsPool.query(
      `update acme_jobs.dead_letters set flags = array['acme:request:r-1'], payload = '{"n": 1, "amount": 12345678901234567.10}'`,
    );

    const result = await jobs.deadLetters.retryAll({});

    expect(result).toEqual({ changedCount: 1, skippedCount: 0 });
    expect(await jobs.deadLetters.count()).toEqual({ count: 0, isCapped: false });
    expect(await jobs.admin.get(id)).toMatchObject({
      in: "queue",
      job: {
        id,
        queue: "q",
        key: "t:k",
        priority: 3,
        attempts: 0,
        state: "due",
        origin: { requestId: "r-1" },
        hasFailed: false,
      },
      errors: [{ attempt: 1, message: "broken", isBeforeRetry: true }],
    });
    const { rows } = await jobsPool.query("select payload::text, max_attempts from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload: '{"n": 1, "amount": 12345678901234567.10}', max_attempts: 32_767 }]);
    await drain(jobs, { tasks: [failing] });
    expect((await jobs.deadLetters.get(id))?.errors.map(({ isBeforeRetry }) => isBeforeRetry)).toEqual([
      true,
      undefined,
    ]);
  });

  it("takes those that fit the filter, and leaves the others", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 3, task: "t", reason: "SMTP 550 mailbox" });
    await addLetters(test.jobsPool, { count: 2, task: "t", reason: "SMTP 421 busy" });
    await addLetters(test.jobsPool, { count: 2, task: "u", reason: "SMTP 550 mailbox" });

    const result = await test.jobs.deadLetters.retryAll({ task: "t", error: "smtp 550" });

    expect(result).toEqual({ changedCount: 3, skippedCount: 0 });
    expect((await test.jobs.deadLetters.list()).map(({ task: name, reason }) => [name, reason])).toEqual([
      ["u", "SMTP 550 mailbox"],
      ["u", "SMTP 550 mailbox"],
      ["t", "SMTP 421 busy"],
      ["t", "SMTP 421 busy"],
    ]);
  });

  it("lets the jobs run in the order in which they have died", async () => {
    await using test = await createTestJobs();
    const ids: string[] = [];
    const dying = perform(task, () => Promise.reject(new NonRetryableError("broken")));
    for (const n of [1, 2, 3]) {
      ids.push(await test.jobs.enqueue(task, { n }, { queue: "q" }));
      await drain(test.jobs, { tasks: [dying] });
    }
    const ran: number[] = [];

    await test.jobs.deadLetters.retryAll({});
    await drain(test.jobs, { tasks: [perform(task, ({ n }) => void ran.push(n))] });

    expect(ran).toEqual([1, 2, 3]);
  });

  it("skips those whose key a newer job has, and of several with one key retries the latest", async () => {
    await using test = await createTestJobs();
    const { jobs } = test;
    const dying = perform(task, () => Promise.reject(new NonRetryableError("broken")));
    const ids: string[] = [];
    for (const [n, key] of [
      [1, "a"],
      [2, "a"],
      [3, "b"],
      [4, "c"],
    ] as const) {
      ids.push(await jobs.enqueue(task, { n }, { key }));
      await drain(jobs, { tasks: [dying] });
    }
    const newer = await jobs.enqueue(task, { n: 5 }, { key: "b" });

    const result = await jobs.deadLetters.retryAll({});

    expect(result).toEqual({ changedCount: 2, skippedCount: 2 });
    const listed = await jobs.admin.list();
    expect(listed.jobs.map(({ id }) => id).toSorted()).toEqual([ids[1], ids[3], newer].toSorted());
    expect((await jobs.deadLetters.list()).map(({ id }) => id)).toEqual([ids[2], ids[0]]);
  });

  it("is not stopped by one that the database refuses, in the middle of a batch", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 20, task: "t" });
    await addLetters(test.jobsPool, { count: 1, task: "x".repeat(200) });
    await addLetters(test.jobsPool, { count: 20, task: "t" });
    await test.jobsPool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
      create trigger refuse before insert on graphile_worker._private_jobs
        for each row when (new.payload::text = '{"n": 7}') execute function refuse()`);

    const result = await test.jobs.deadLetters.retryAll({});

    expect(result).toEqual({ changedCount: 38, skippedCount: 3 });
    expect(await test.jobs.deadLetters.count()).toEqual({ count: 3, isCapped: false });
  });

  it("does not retry twice what dies again while it goes on", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_100, task: "t" });
    await test.jobsPool.query(`
      create function die_again() returns trigger language plpgsql as
        $$ begin old.died_at := clock_timestamp(); insert into acme_jobs.dead_letters values (old.*); return null; end $$;
      create trigger die_again after delete on acme_jobs.dead_letters for each row execute function die_again()`);

    const result = await test.jobs.deadLetters.retryAll({});

    expect(result).toEqual({ changedCount: 1_100, skippedCount: 0 });
    expect(await storedJobs(test.jobsPool)).toHaveLength(1_100);
  });

  it("shared by two callers makes each a job once", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_200, task: "t" });

    const both = await Promise.all([test.jobs.deadLetters.retryAll({}), test.jobs.deadLetters.retryAll({})]);
    const left = await test.jobs.deadLetters.retryAll({});

    const changed = [...both, left].reduce((sum, { changedCount }) => sum + changedCount, 0);
    expect(changed).toBe(1_200);
    expect(await storedJobs(test.jobsPool)).toHaveLength(1_200);
  });

  it("goes on where an aborted call has ended", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_100, task: "t" });
    const abort = new AbortController();
    const seen: Progress[] = [];
    const onProgress = (progress: Progress) => {
      seen.push(progress);
      abort.abort(new Error("enough"));
    };

    await expect(test.jobs.deadLetters.retryAll({}, { signal: abort.signal, onProgress })).rejects.toThrow("enough");
    const rest = await test.jobs.deadLetters.retryAll({});

    expect(seen).toEqual([{ doneCount: 500, total: 1_100, isTotalCapped: false }]);
    expect(rest).toEqual({ changedCount: 600, skippedCount: 0 });
    expect(await storedJobs(test.jobsPool)).toHaveLength(1_100);
  });

  it("makes no job of a batch whose connection is lost before its end, and keeps its dead letters", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 600, task: "t" });
    await test.jobsPool.query(`
      create function die() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return old; end $$;
      create trigger die before delete on acme_jobs.dead_letters
        for each row when (old.payload::text = '{"n": 50}') execute function die()`);

    const refused = test.jobs.deadLetters.retryAll({});
    await expect(refused).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });

    const letters = await test.jobs.deadLetters.count();
    expect((await storedJobs(test.jobsPool)).length + letters.count).toBe(600);
    expect(letters.count).toBeGreaterThanOrEqual(100);
    await test.jobsPool.query("drop trigger die on acme_jobs.dead_letters");
    await test.jobs.deadLetters.retryAll({});
    expect(await storedJobs(test.jobsPool)).toHaveLength(600);
  });
});

describe("discardAll", () => {
  it("removes those that fit the filter in batches, and says how far it is", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 700, task: "t" });
    await addLetters(test.jobsPool, { count: 3, task: "u" });
    const seen: Progress[] = [];

    const result = await test.jobs.deadLetters.discardAll(
      { task: "t" },
      { onProgress: (each) => void seen.push(each) },
    );

    expect(result).toEqual({ changedCount: 700, skippedCount: 0 });
    expect(seen.map(({ doneCount, total }) => [doneCount, total])).toEqual([
      [500, 700],
      [700, 700],
    ]);
    expect(await test.jobs.deadLetters.count()).toEqual({ count: 3, isCapped: false });
  });

  it("leaves a dead letter to whoever is just retrying it", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 2, task: "t" });
    const busy = await test.jobsPool.connect();
    await busy.query("begin");
    await busy.query("delete from acme_jobs.dead_letters where payload::text = '{\"n\": 1}'");

    const result = await test.jobs.deadLetters.discardAll({});
    await busy.query("rollback");
    busy.release();

    expect(result).toEqual({ changedCount: 1, skippedCount: 1 });
    expect(await test.jobs.deadLetters.list()).toHaveLength(1);
  });

  it.each([[undefined], [null], [{ limit: 3 }], [{}, { sginal: 1 }]])(
    "and retryAll refuse %o, %o",
    async (...given) => {
      await using jobs = createJobs({ connection: "postgres://nobody@localhost:1/none", logger: collectInto([]) });
      const [filter, options] = given as [never, never];

      await expect(jobs.deadLetters.retryAll(filter, options)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
      await expect(jobs.deadLetters.discardAll(filter, options)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    },
  );
});
