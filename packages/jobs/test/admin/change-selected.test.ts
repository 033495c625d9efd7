import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, retry, type JobsError, type Progress } from "../../src/index.ts";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { addPlain } from "../support/add-plain.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }),
});
const other = defineTask("other", { payload: z.object({ n: z.number() }) });
const tomorrow = new Date(Date.now() + 86_400_000);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

/** All that an operator must not change by accident. */
async function rows({ jobsPool }: TestJobs) {
  const { rows: found } = await jobsPool.query(
    "select id, queue_name, key, priority, attempts, max_attempts, flags, run_at, locked_by from graphile_worker.jobs order by id",
  );
  return found as Record<string, unknown>[];
}

/** As a worker that has fetched the job. */
async function lock({ jobsPool }: TestJobs, jobId: string) {
  await jobsPool.query(
    "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w', attempts = attempts + 1 where id = $1",
    [jobId],
  );
}

/** As a worker that has noted a failure and released the job, and then died: nobody has settled the note. */
async function failUnsettled({ jobsPool }: TestJobs, id: string, outcome: "retry" | "dead") {
  await jobsPool.query("update graphile_worker._private_jobs set attempts = 1, run_at = now() + interval '1 second'");
  await noteFailures(jobsPool, [
    {
      jobId: "1",
      idempotencyKey: id,
      task: "t",
      lockCount: 1,
      attempt: 1,
      outcome:
        outcome === "dead" ? { kind: "dead", attemptsUsed: 1 } : { kind: "retry", attemptsUsed: 1, delayMs: 5e6 },
      error: new Error("broken"),
    } as Parameters<typeof noteFailures>[1][0],
  ]);
}

describe("runNow", () => {
  it("makes a job due that waits for its time, and changes nothing else of it", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 }, { runAt: tomorrow, key: "k", queue: "q", priority: 2 });
    const [before] = await rows(test);

    const result = await test.jobs.admin.runNow({ ids: [id] });

    const [after] = await rows(test);
    expect(result).toEqual({ changedCount: 1, skippedCount: 0 });
    expect({ ...after, run_at: before?.["run_at"] }).toEqual(before);
    expect((await test.jobs.admin.list({ state: "due" })).jobs).toMatchObject([{ id }]);
  });

  it("wakes the workers", async () => {
    await using test = await createTestJobs();
    const ran: number[] = [];
    await test.jobs.startWorker({
      tasks: [perform(task, ({ n }) => void ran.push(n))],
      pollIntervalMs: 60_000,
    } as never);
    await test.jobs.enqueue(task, { n: 1 }, { runAt: tomorrow });

    await test.jobs.admin.runNow({});

    await expect.poll(() => ran, { timeout: 5_000 }).toEqual([1]);
  });

  it("leaves a job that is due in its place", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    const before = await rows(test);

    const result = await test.jobs.admin.runNow({});

    expect(result).toEqual({ changedCount: 0, skippedCount: 1 });
    expect(await rows(test)).toEqual(before);
  });

  it("begins the next attempt of a job that has failed, which counts on", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });
    const attempts: number[] = [];
    const failing = perform(task, (_, { attempt }) => {
      attempts.push(attempt);
      throw new Error("broken");
    });
    await test.jobs.startWorker({ tasks: [failing] });

    for (const count of [1, 2]) {
      await expect.poll(async () => (await test.jobs.admin.list({ state: "scheduled" })).jobs[0]?.attempts).toBe(count);
      await test.jobs.admin.runNow({ ids: [id] });
    }

    await expect.poll(() => test.jobs.deadLetters.get(id)).toMatchObject({ attempts: 3 });
    expect(attempts).toEqual([1, 2, 3]);
  });

  it("first does what is noted of a failed attempt, so that a job neither runs too often nor is put off again", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });
    await failUnsettled(test, id, "retry");

    const result = await test.jobs.admin.runNow({ ids: [id] });

    expect(result).toEqual({ changedCount: 1, skippedCount: 0 });
    const { rows: notes } = await test.jobsPool.query("select is_settled from acme_jobs.failures");
    expect(notes).toEqual([{ is_settled: true }]);
    expect((await test.jobs.admin.list()).jobs).toMatchObject([{ state: "due", attempts: 1 }]);
  });

  it("does not run a job again that has used its last attempt", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 });
    await failUnsettled(test, id, "dead");

    const result = await test.jobs.admin.runNow({});

    expect(result).toEqual({ changedCount: 0, skippedCount: 1 });
    expect(await test.jobs.admin.get(id)).toMatchObject({ in: "deadLetters", letter: { reason: "broken" } });
  });

  it("does not touch jobs without attempts, which would not run", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      "select graphile_worker.add_job('plain', run_at := now() + interval '1 day', max_attempts := 1)",
    );
    await test.jobsPool.query("select graphile_worker.permanently_fail_jobs(array[1])");

    expect(await test.jobs.admin.runNow({})).toEqual({ changedCount: 0, skippedCount: 1 });
  });

  it(
    "costs no job an attempt, and gives none, while a worker runs, fails and settles them",
    { timeout: 60_000 },
    async () => {
      await using test = await createTestJobs();
      const ids = await test.jobs.enqueueMany(task, numbers(60));
      const attempts = new Map<string, number[]>(ids.map((id) => [id, []]));
      const failing = perform(task, (_, { idempotencyKey, attempt }) => {
        attempts.get(idempotencyKey)?.push(attempt);
        throw new Error("broken");
      });
      await test.jobs.startWorker({ tasks: [failing], concurrency: 10 });

      await expect
        .poll(
          async () => {
            await test.jobs.admin.runNow({});
            return (await test.jobs.deadLetters.count()).count;
          },
          { timeout: 40_000, interval: 5 },
        )
        .toBe(60);

      expect([...attempts.values()]).toEqual(ids.map(() => [1, 2, 3]));
    },
  );
});

describe("putOff", () => {
  it("gives jobs another time, and changes nothing else of them, also of those that have failed", async () => {
    await using test = await createTestJobs();
    const failed = await test.jobs.enqueue(task, { n: 1 }, { key: "k", queue: "q", priority: 2 });
    const worker = await test.jobs.startWorker({ tasks: [perform(task, () => Promise.reject(new Error("broken")))] });
    await expect.poll(async () => (await test.jobs.admin.list({ state: "scheduled" })).jobs).toHaveLength(1);
    await worker.stop();
    await test.jobs.enqueue(other, { n: 1 });
    const before = await rows(test);

    const result = await test.jobs.admin.putOff({}, { until: tomorrow });

    expect(result).toEqual({ changedCount: 2, skippedCount: 0 });
    expect(await rows(test)).toEqual(before.map((row) => ({ ...row, run_at: tomorrow })));
    expect(await test.jobs.admin.get(failed)).toMatchObject({ job: { attempts: 1, lastError: "broken" } });
  });

  it("skips those that have that time already, so that the same call goes on where one has ended", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, numbers(1_200));
    const abort = new AbortController();
    const stopped = test.jobs.admin.putOff(
      {},
      { until: tomorrow, signal: abort.signal, onProgress: () => abort.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });

    const rest = await test.jobs.admin.putOff({}, { until: tomorrow });

    expect(rest).toEqual({ changedCount: 700, skippedCount: 500 });
  });

  it.each([undefined, {}, { until: "tomorrow" }, { until: new Date(NaN) }, { until: tomorrow, sginal: 1 }])(
    "refuses %o",
    async (options) => {
      await using test = await createTestJobs();
      const putOff = test.jobs.admin.putOff({}, options as never);

      await expect(putOff).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    },
  );
});

describe("discard", () => {
  it("removes free jobs with their failures, and leaves those that a worker has", async () => {
    await using test = await createTestJobs();
    const ids = await test.jobs.enqueueMany(task, numbers(3));
    await failUnsettled(test, ids[0]!, "retry");
    await lock(test, "2");
    await addPlain(test.jobsPool, "plain", 1);

    const result = await test.jobs.admin.discard({});

    expect(result).toEqual({ changedCount: 3, skippedCount: 1 });
    expect((await rows(test)).map(({ id }) => id)).toEqual(["2"]);
    const { rows: notes } = await test.jobsPool.query("select from acme_jobs.failures");
    expect(notes).toEqual([]);
  });

  it("takes ids and numbers, each job once, and counts those that are not there as skipped", async () => {
    await using test = await createTestJobs();
    const ids = await test.jobs.enqueueMany(task, numbers(3));
    const [first = "", second = ""] = ids;
    const unknown = "0199f2c1-0000-7000-8000-00000000ac5e";

    const result = await test.jobs.admin.discard({ ids: [first, first.toUpperCase(), second, unknown, "3", "77"] });

    expect(result).toEqual({ changedCount: 3, skippedCount: 2 });
    expect(await rows(test)).toEqual([]);
  });

  it("does not take a newer job for the one that was meant, which it has replaced through its key", async () => {
    await using test = await createTestJobs();
    const first = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    const second = await test.jobs.enqueue(task, { n: 2 }, { key: "k" });

    const result = await test.jobs.admin.discard({ ids: [first] });

    expect(result).toEqual({ changedCount: 0, skippedCount: 1 });
    expect(await test.jobs.admin.get(second)).toMatchObject({ in: "queue" });
  });

  it("takes what fits a filter", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, numbers(2));
    await test.jobs.enqueue(other, { n: 1 });

    await test.jobs.admin.discard({ task: "t" });

    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "other" }]);
  });

  it("leaves a job alone that is changed after it was selected", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, numbers(2), { runAt: tomorrow });
    const busy = await test.jobsPool.connect();
    await busy.query("begin");
    await busy.query("select from graphile_worker.reschedule_jobs(array[1], run_at := now())");

    const result = await test.jobs.admin.discard({ state: "scheduled" });
    await busy.query("commit");
    busy.release();

    expect(result).toEqual({ changedCount: 1, skippedCount: 1 });
    expect((await rows(test)).map(({ id }) => id)).toEqual(["1"]);
  });

  it("goes in batches of 500, tells how far it is, and leaves the rest when it is aborted", async () => {
    await using test = await createTestJobs();
    await addPlain(test.jobsPool, "plain", 1_700);
    const abort = new AbortController();
    const seen: Progress[] = [];
    const onProgress = (progress: Progress) => {
      seen.push(progress);
      if (seen.length === 2) abort.abort(new Error("enough"));
    };

    const discarding = test.jobs.admin.discard({}, { signal: abort.signal, onProgress });
    await expect(discarding).rejects.toThrow("enough");

    expect(seen).toEqual([500, 1_000].map((doneCount) => ({ doneCount, total: 1_700, isTotalCapped: false })));
    expect(await rows(test)).toHaveLength(700);
    expect(await test.jobs.admin.discard({})).toEqual({ changedCount: 700, skippedCount: 0 });
  });

  it("counts to 10,000 for the progress", async () => {
    await using test = await createTestJobs();
    await addPlain(test.jobsPool, "plain", 10_001);
    const stop = new Error("stop");
    let first: Progress | undefined;

    const discarding = test.jobs.admin.discard(
      {},
      {
        onProgress(progress) {
          first = progress;
          throw stop;
        },
      },
    );

    await expect(discarding).rejects.toBe(stop);
    expect(first).toEqual({ doneCount: 500, total: 10_000, isTotalCapped: true });
  });

  it("ends although others go on enqueueing", async () => {
    await using test = await createTestJobs();
    await addPlain(test.jobsPool, "plain", 600);
    await test.jobsPool.query(`
      create function add_more() returns trigger language plpgsql as $$ begin
        perform graphile_worker.add_jobs(array(
          select row('plain', '{}'::json, null, null, null, null, null, null)::graphile_worker.job_spec
          from generate_series(1, 600)
        ));
        return null;
      end $$;
      create trigger add_more after delete on graphile_worker._private_jobs execute function add_more()`);

    const { changedCount } = await test.jobs.admin.discard({}, { signal: AbortSignal.timeout(10_000) });

    expect(changedCount).toBe(600);
  });

  it("either discards a job or lets it run, never both and never neither", { timeout: 120_000 }, async () => {
    await using test = await createTestJobs();
    const ran: string[] = [];
    const running = perform(task, (_, { idempotencyKey }) => void ran.push(idempotencyKey));
    await test.jobs.startWorker({ tasks: [running], concurrency: 4 });

    for (let round = 0; round < 20; round++) {
      ran.length = 0;
      const ids = await test.jobs.enqueueMany(task, numbers(100), round % 2 === 0 ? {} : { queue: "q" });
      const { changedCount } = await test.jobs.admin.discard(round % 4 < 2 ? {} : { ids });
      await expect.poll(() => rows(test), { timeout: 20_000 }).toEqual([]);

      expect(new Set(ran).size).toBe(ran.length);
      expect([round, ran.length + changedCount]).toEqual([round, 100]);
    }
  });

  it.each([
    undefined,
    null,
    { ids: [] },
    { ids: "1" },
    { ids: [""] },
    { ids: [1] },
    { ids: Array.from({ length: 1_001 }, String) },
    { ids: ["1"], task: "t" },
    { limit: 3 },
  ])("refuses %o", async (which) => {
    await using jobs = createJobs({ connection: "postgres://nobody@localhost:1/none", logger: collectInto([]) });

    const refused = await jobs.admin.discard(which as never).catch((error: unknown) => error as JobsError);

    expect(refused).toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
