import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import {
  createJobs,
  defineTask,
  NonRetryableError,
  perform,
  retry,
  RetryAfterError,
  snooze,
  type AttemptContext,
  type Task,
  type Worker,
  type WorkerOptions,
} from "../../src/index.ts";

const payload = z.object({ n: z.number() });
type Payload = z.infer<typeof payload>;

/** A worker for one task that notes each attempt. */
async function work(
  test: TestJobs,
  task: Task<string, Payload, Payload>,
  run: (payload: Payload, context: AttemptContext) => unknown,
  options: Partial<WorkerOptions> = {},
) {
  const attempts: { n: number; attempt: number; at: number; idempotencyKey: string }[] = [];
  const worker = await test.jobs.startWorker({
    tasks: [
      perform(task, (input, context) => {
        const { attempt, idempotencyKey } = context;
        attempts.push({ n: input.n, attempt, at: performance.now(), idempotencyKey });
        return run(input, context);
      }),
    ],
    ...options,
  });
  onTestFinished(() => worker.stop({ deadlineMs: 0 }));
  return { worker, attempts };
}

async function lockedCount(test: TestJobs): Promise<number> {
  const { rows } = await test.jobsPool.query("select 1 from graphile_worker.jobs where locked_at is not null");
  return rows.length;
}

const failureCount = async (test: TestJobs) => (await test.jobsPool.query("select 1 from acme_jobs.failures")).rowCount;

describe("a worker", () => {
  it("runs a job with its checked payload, the first attempt and the id that enqueue returned", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload });
    const { attempts } = await work(test, task, () => undefined);

    const id = await test.jobs.enqueue(task, { n: 1 });

    await expect.poll(() => attempts).toMatchObject([{ n: 1, attempt: 1, idempotencyKey: id }]);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("runs a job that plain SQL added, with a key no other set of tables repeats", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload });
    const { attempts } = await work(test, task, () => undefined);

    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 7}')`);

    await expect.poll(() => attempts.length).toBe(1);
    const { rows } = await test.jobsPool.query("select id from acme_jobs.installation");
    const [installation, number, time] = attempts[0]!.idempotencyKey.split(":");
    expect([installation, number]).toEqual([rows[0].id, "1"]);
    expect(Math.abs(Number(time) / 1_000 - Date.now())).toBeLessThan(60_000);
  });

  it("lets the task's policy, not the max_attempts of plain SQL, decide how often a job runs", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 3, delayMs: 1 }) });
    const { attempts } = await work(test, task, () => Promise.reject(new Error("no")));

    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 1}', max_attempts => 1)`);
    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 2}', max_attempts => 25)`);

    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(2);
    expect(attempts.map(({ n }) => n).toSorted()).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it("never retries early, and counts attempts from 1 with one idempotencyKey", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.schedule([120, 250]) });
    const { attempts } = await work(test, task, () => Promise.reject(new Error("no")));

    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 20 }, (_, n) => ({ n })),
    );

    await expect.poll(() => attempts.length).toBe(60);
    for (let n = 0; n < 20; n++) {
      const [first, second, third] = attempts.filter((attempt) => attempt.n === n);
      expect([first!.attempt, second!.attempt, third!.attempt]).toEqual([1, 2, 3]);
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(120);
      expect(third!.at - second!.at).toBeGreaterThanOrEqual(250);
      expect(new Set([first!.idempotencyKey, second!.idempotencyKey, third!.idempotencyKey]).size).toBe(1);
    }
  });

  it("forgets the failures of a job that succeeds after all", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 2, delayMs: 1 }) });
    await work(test, task, (_, { attempt }) => {
      if (attempt === 1) throw new Error("once");
    });

    await test.jobs.enqueue(task, { n: 1 });

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => failureCount(test)).toBe(0);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("obeys RetryAfterError over the policy, and counts the attempt", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 2, delayMs: 3_600_000 }) });
    const { attempts } = await work(test, task, () => Promise.reject(new RetryAfterError(150)));

    await test.jobs.enqueue(task, { n: 1 });

    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(1);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(attempts[1]!.at - attempts[0]!.at).toBeGreaterThanOrEqual(150);
  });

  it("puts a snoozed job off without using an attempt or leaving a trace", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.never });
    let snoozes = 0;
    const { attempts } = await work(test, task, () => {
      if (snoozes++ < 2) throw snooze(100);
    });

    await test.jobs.enqueue(task, { n: 1 });

    await expect.poll(() => attempts.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(attempts[2]!.at - attempts[0]!.at).toBeGreaterThanOrEqual(200);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it.each([
    ["a NonRetryableError", retry.standard, () => new NonRetryableError("never again")],
    ["an error the policy does not retry", retry.network, () => new TypeError("never again")],
  ])("makes a dead letter at once of %s", async (_, policy, makeError) => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: policy });
    const { attempts } = await work(test, task, () => Promise.reject(makeError()));

    const id = await test.jobs.enqueue(task, { n: 5 });

    await expect
      .poll(() => test.jobs.deadLetters.list())
      .toMatchObject([{ id, task: "t", payload: { n: 5 }, attempts: 1, reason: "never again" }]);
    expect(attempts.length).toBe(1);
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("makes a dead letter of a payload that does not fit, and goes on with other jobs", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload });
    const { attempts } = await work(test, task, () => undefined, { concurrency: 1 });

    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": "one"}')`);
    await test.jobs.enqueue(task, { n: 2 });

    await expect.poll(() => attempts.map(({ n }) => n)).toEqual([2]);
    await expect.poll(async () => (await test.jobs.deadLetters.list())[0]?.reason).toMatch(/does not fit task "t": n:/);
  });

  it("ends an attempt at its time limit, aborts its signal, and retries it as a timeout", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", {
      payload,
      timeoutMs: 50,
      retry: retry.exponential({ attempts: 2, delayMs: 1, on: retry.network.isRetryable }),
    });
    const reasons: unknown[] = [];
    const { attempts } = await work(test, task, (_, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    });

    await test.jobs.enqueue(task, { n: 1 });

    await expect.poll(async () => (await test.jobs.deadLetters.list())[0]?.errors.length).toBe(2);
    expect(attempts.length).toBe(2);
    expect(reasons).toMatchObject([{ code: "ATTEMPT_TIMEOUT" }, { code: "ATTEMPT_TIMEOUT" }]);
  });

  it("runs the jobs of a named queue one at a time, without a pause between them", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload });
    let running = 0;
    let most = 0;
    const { attempts } = await work(
      test,
      task,
      async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running -= 1;
      },
      { pollIntervalMs: 60_000 },
    );

    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 10 }, (_, n) => ({ n })),
      { queue: "one" },
    );

    await expect.poll(() => attempts.length).toBe(10);
    expect(most).toBe(1);
  });

  it("logs what became of each job by task, id and attempt, never its payload", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.never });
    await work(test, task, ({ n }) => {
      if (n === 424_242) throw new Error("broken");
    });

    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 424_242 }]);

    await expect.poll(() => test.log.map(({ message }) => message)).toContain("job done");
    await expect
      .poll(() => test.log.find(({ level }) => level === "error"))
      .toMatchObject({ message: "job failed for good; it is a dead letter now", fields: { task: "t", attempt: 1 } });
    expect(JSON.stringify(test.log)).not.toContain("424242");
  });
});

describe("a job whose last outcome was noted, and not yet written when it is taken again,", () => {
  const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 3, delayMs: 1 }) });

  async function leaveNote(test: TestJobs, outcome: "retry" | "dead") {
    const id = await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query("update graphile_worker._private_jobs set attempts = 1");
    await test.jobsPool.query(
      `insert into acme_jobs.failures
         (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors, updated_at)
       select id, $1, 't', 1, $2, 'noted', now() + interval '1 hour', 1, '[]', now() + interval '1 hour'
       from graphile_worker.jobs`,
      [id, outcome],
    );
    return id;
  }

  it("does not run early", async () => {
    await using test = await createTestJobs();
    await leaveNote(test, "retry");

    const { attempts } = await work(test, task, () => undefined);

    await expect
      .poll(
        async () =>
          (
            await test.jobsPool.query(
              "select attempts, run_at > now() + interval '50 minutes' as is_late from graphile_worker.jobs",
            )
          ).rows,
      )
      .toEqual([{ attempts: 1, is_late: true }]);
    expect(attempts).toEqual([]);
  });

  it("does not run once more when it was to be a dead letter", async () => {
    await using test = await createTestJobs();
    const id = await leaveNote(test, "dead");

    const { attempts } = await work(test, task, () => undefined);

    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id, reason: "noted", attempts: 1 }]);
    expect(attempts).toEqual([]);
  });
});

describe("a job whose key is enqueued again", () => {
  it("begins anew while it waits for its next attempt, history and delays included", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.schedule([1, 3_600_000, 1]) });
    await work(test, task, ({ n }) => {
      throw n === 1 ? new Error("first") : new NonRetryableError("second");
    });
    await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    const isWaiting = async () =>
      (await test.jobsPool.query("select 1 from acme_jobs.failures where attempt = 2 and is_settled")).rowCount;
    await expect.poll(isWaiting).toBe(1);

    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });

    await expect
      .poll(() => test.jobs.deadLetters.list())
      .toMatchObject([{ payload: { n: 2 }, reason: "second", attempts: 1 }]);
    expect((await test.jobs.deadLetters.list())[0]?.errors).toMatchObject([{ attempt: 1, message: "second" }]);
  });

  it("leaves nothing behind when it was running, and fails", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.standard });
    const gate = Promise.withResolvers<void>();
    const { attempts } = await work(test, task, async ({ n }) => {
      await gate.promise;
      if (n === 1) throw new Error("superseded");
    });
    await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    await expect.poll(() => attempts.length).toBe(1);

    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });
    gate.resolve();

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => failureCount(test)).toBe(0);
    expect(attempts.map(({ n }) => n)).toEqual([1, 2]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("leaves nothing behind either when plain SQL had added it with few attempts", async () => {
    await using test = await createTestJobs();
    const task = defineTask("t", { payload, retry: retry.standard });
    const gate = Promise.withResolvers<void>();
    const { attempts } = await work(test, task, async ({ n }) => {
      await gate.promise;
      if (n === 1) throw new Error("superseded");
    });
    const add = (n: number) =>
      test.jobsPool.query("select graphile_worker.add_job('t', $1, job_key := 'k', max_attempts := 25)", [{ n }]);
    await add(1);
    await expect.poll(() => attempts.length).toBe(1);

    await add(2);
    gate.resolve();

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => failureCount(test)).toBe(0);
    expect(attempts.map(({ n }) => n)).toEqual([1, 2]);
  });

  it("is not taken for one of another task, whatever the two names look like", async () => {
    await using test = await createTestJobs();
    const mail = defineTask("mail", { payload });
    const dailyMail = defineTask("mail:daily", { payload });

    await test.jobs.enqueue(mail, { n: 1 }, { key: "daily:ada" });
    await test.jobs.enqueue(dailyMail, { n: 2 }, { key: "ada" });

    expect((await storedJobs(test.jobsPool)).length).toBe(2);
  });
});

describe("the options of a worker", () => {
  const performable = perform(defineTask("t", { payload }), () => undefined);

  it.each([
    ["concurrency", { concurrency: 0 }],
    ["concurrency", { concurrency: Number.NaN }],
    ["concurrency", { concurrency: 2.5 }],
    ["prefetch", { prefetch: 100.25 }],
    ["pollIntervalMs", { pollIntervalMs: -1 }],
    ["deadAfterMs", { heartbeatMs: 1_000, deadAfterMs: 1_500 }],
  ])("are refused when %s makes no sense", async (name, options) => {
    await using test = await createTestJobs();

    await expect(test.jobs.startWorker({ tasks: [performable], ...options })).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
      message: expect.stringContaining(name) as string,
    });
  });

  it("include the deadline of its stop", async () => {
    await using test = await createTestJobs();
    await using worker = await test.jobs.startWorker({ tasks: [performable] });

    await expect(worker.stop({ deadlineMs: Infinity })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    expect(worker.state).toBe("running");
  });
});

describe("a worker that stops", () => {
  const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 1, delayMs: 0 }) });

  it("lets running jobs finish, and leaves nothing locked when stop resolves", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    const { worker, attempts } = await work(test, task, () => gate.promise);
    await test.jobs.enqueue(task, { n: 1 });
    await expect.poll(() => attempts.length).toBe(1);

    const stopped = worker.stop();
    const state = worker.state;
    gate.resolve();
    await stopped;

    expect([state, worker.state]).toEqual(["stopping", "stopped"]);
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("leaves nothing locked and every retry written, however busy it was", async () => {
    await using test = await createTestJobs();
    const failing = defineTask("t", { payload, retry: retry.fixed({ attempts: 5, delayMs: 5 }) });
    const { worker, attempts } = await work(test, failing, ({ n }) => {
      if (n % 2 === 0) throw new Error("even");
    });
    await test.jobs.enqueueMany(
      failing,
      Array.from({ length: 300 }, (_, n) => ({ n })),
    );
    await expect.poll(() => attempts.length).toBeGreaterThan(100);

    await worker.stop();

    expect(await lockedCount(test)).toBe(0);
    const { rows } = await test.jobsPool.query("select 1 from acme_jobs.failures where not is_settled");
    expect(rows).toEqual([]);
  });

  it("waits until the delay of a failed job is written, however long the database takes", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(`
      create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return new; end $$;
      create trigger dawdle before update on acme_jobs.failures for each row execute function dawdle()`);
    const failing = defineTask("t", { payload, retry: retry.fixed({ attempts: 2, delayMs: 3_600_000 }) });
    const { worker, attempts } = await work(test, failing, () => Promise.reject(new Error("no")));
    await test.jobs.enqueue(failing, { n: 1 });
    await expect.poll(() => attempts.length).toBe(1);

    await worker.stop();

    const { rows } = await test.jobsPool.query(
      "select is_settled, job.run_at > now() + interval '50 minutes' as is_late from acme_jobs.failures join graphile_worker.jobs as job on id = job_id",
    );
    expect(rows).toEqual([{ is_settled: true, is_late: true }]);
  });

  it("hands a job back after the deadline, with the attempt unused", async () => {
    await using test = await createTestJobs();
    const reasons: unknown[] = [];
    const { worker, attempts } = await work(test, task, (_, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    });
    await test.jobs.enqueue(task, { n: 1 });
    await expect.poll(() => attempts.length).toBe(1);

    await worker.stop({ deadlineMs: 20 });

    expect(reasons).toMatchObject([{ code: "WORKER_STOPPING" }]);
    expect(await lockedCount(test)).toBe(0);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ attempts: 0 }]);
    const next = await work(test, task, () => undefined);
    await expect.poll(() => next.attempts.map(({ attempt }) => attempt)).toEqual([1]);
  });

  it("can be stopped twice, and by await using", async () => {
    await using test = await createTestJobs();
    const { worker } = await work(test, task, () => undefined);

    const both = Promise.all([worker.stop(), worker.stop()]);

    await expect(both).resolves.toBeDefined();
    await expect(worker[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});

describe("startWorker", () => {
  const task = defineTask("t", { payload });
  const performable = perform(task, () => undefined);

  it.each([
    ["a contract without code", "HANDLER_INVALID", [task as never]],
    ["one task twice", "TASK_DUPLICATE", [performable, performable]],
    ["no task at all", "HANDLER_INVALID", []],
  ])("refuses %s", async (_, code, tasks) => {
    await using test = await createTestJobs();

    await expect(test.jobs.startWorker({ tasks })).rejects.toMatchObject({ code });
  });

  it("creates the tables, unless told not to", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using jobs = createJobs({ connection: test.dataUrl });

    await expect(jobs.startWorker({ tasks: [performable], migrate: false })).rejects.toMatchObject({
      code: "MIGRATION_MISSING",
    });

    const worker: Worker = await jobs.startWorker({ tasks: [performable] });
    expect(worker.state).toBe("running");
  });

  it("refuses a perform without a function", () => {
    expect(() => perform(task, undefined as never)).toThrow(
      expect.objectContaining({ code: "HANDLER_INVALID" }) as Error,
    );
  });
});
