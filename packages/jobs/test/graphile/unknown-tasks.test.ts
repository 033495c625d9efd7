import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { moveJobsOfUnknownTasks, registerTasks } from "../../src/graphile/unknown-tasks.ts";
import { defineTask, perform, type WorkerOptions } from "../../src/index.ts";

const payload = z.object({ n: z.number() });
const known = defineTask("known", { payload });
const elsewhere = defineTask("elsewhere", { payload });
const unknown = defineTask("unknown", { payload });

async function work(test: TestJobs, options: Partial<WorkerOptions> = {}) {
  const done: number[] = [];
  const worker = await test.jobs.startWorker({ tasks: [perform(known, ({ n }) => void done.push(n))], ...options });
  onTestFinished(() => worker.stop());
  return done;
}

const deadLetters = (test: TestJobs) => test.jobs.deadLetters.list();
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);

describe("a job of a task that no worker knows", () => {
  it("becomes a dead letter with the reason, while the other jobs go on", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(unknown, { n: 1 }, { queue: "q", priority: 3 });
    await test.jobs.enqueue(known, { n: 2 });

    const done = await work(test, { unknownTaskAfterMs: 0 });

    await expect.poll(() => done).toEqual([2]);
    await expect
      .poll(() => deadLetters(test))
      .toMatchObject(
        [
          {
            id,
            task: "unknown",
            payload: { n: 1 },
            queue: "q",
            priority: 3,
            attempts: 0,
            reason: /knows task "unknown"/,
          },
        ].map((letter) => ({ ...letter, reason: expect.stringMatching(letter.reason) as string })),
      );
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("waits while it is paused", async () => {
    await using test = await createTestJobs();
    await registerTasks(test.jobsPool, ["known"]);
    await test.jobs.enqueueMany(unknown, [{ n: 1 }, { n: 2 }]);
    await test.jobs.enqueue(unknown, { n: 3 }, { queue: "q" });

    await test.jobs.admin.pause({ queue: "q" });
    expect([...(await moveJobsOfUnknownTasks(test.jobsPool, 0))]).toEqual([["unknown", 2]]);
    await test.jobs.admin.pause({ task: "unknown" });
    await test.jobs.admin.resume({ queue: "q" });
    expect([...(await moveJobsOfUnknownTasks(test.jobsPool, 0))]).toEqual([]);

    await test.jobs.admin.resume({ task: "unknown" });
    expect([...(await moveJobsOfUnknownTasks(test.jobsPool, 0))]).toEqual([["unknown", 1]]);
  });

  it("is done when it is retried on a worker that knows its task", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(unknown, { n: 1 });
    await work(test, { unknownTaskAfterMs: 0 });
    await expect.poll(async () => (await deadLetters(test)).length).toBe(1);
    const keys: string[] = [];
    const late = await test.jobs.startWorker({
      tasks: [perform(unknown, (_, { idempotencyKey }) => void keys.push(idempotencyKey))],
    });
    onTestFinished(() => late.stop());

    await test.jobs.deadLetters.retry(id);

    await expect.poll(() => keys).toEqual([id]);
  });

  it("waits for an hour first, so that its workers may be deployed after it was enqueued", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(unknown, { n: 1 }, { runAt: ago(50) });
    await test.jobs.enqueue(unknown, { n: 2 }, { runAt: ago(70) });
    await test.jobsPool.query(
      "update acme_jobs.installation set watched_since = now() - interval '1 hour', watched_at = now() - interval '9 minutes'",
    );

    await work(test);

    await expect.poll(() => deadLetters(test)).toMatchObject([{ payload: { n: 2 } }]);
    expect((await storedJobs(test.jobsPool)).length).toBe(1);
  });

  it("waits as long after a time without workers, because workers that know its task may start later than others", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(unknown, { n: 1 }, { runAt: ago(70) });
    const look = async () => {
      await registerTasks(test.jobsPool, ["known"]);
      return [...(await moveJobsOfUnknownTasks(test.jobsPool, 3_600_000))];
    };
    const watched = (since: string, until: string) =>
      test.jobsPool.query("update acme_jobs.installation set watched_since = $1, watched_at = $2", [since, until]);

    await watched("2026-01-01", ago(11).toISOString());
    const afterABreak = [await look(), await look()];
    await watched(ago(61).toISOString(), ago(9).toISOString());
    const anHourLater = await look();

    expect(afterABreak).toEqual([[], []]);
    expect(anHourLater).toEqual([["unknown", 1]]);
  });

  it("is left alone for a day after the last worker that knew its task has stopped", async () => {
    await using test = await createTestJobs();
    const other = await test.jobs.startWorker({ tasks: [perform(elsewhere, () => undefined)] });
    const isRegistered = async () => (await test.jobsPool.query("select 1 from acme_jobs.tasks")).rowCount;
    await expect.poll(isRegistered).toBe(1);
    await other.stop();
    await test.jobs.enqueue(elsewhere, { n: 1 });
    await test.jobs.enqueue(unknown, { n: 2 });

    await work(test, { unknownTaskAfterMs: 0 });
    await expect.poll(() => deadLetters(test)).toMatchObject([{ task: "unknown" }]);
    const soonAfter = await storedJobs(test.jobsPool);
    await test.jobsPool.query(
      "update acme_jobs.tasks set known_at = now() - interval '25 hours' where name = 'elsewhere'",
    );

    await expect.poll(async () => (await deadLetters(test)).length).toBe(2);
    expect(soonAfter).toMatchObject([{ task: "elsewhere" }]);
  });

  it("is left to the plain Graphile Worker it was made for", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(`select graphile_worker.add_job('theirs', '{"n": 1}', flags => array['night'])`);
    await test.jobs.enqueue(unknown, { n: 2 });

    await work(test, { unknownTaskAfterMs: 0 });

    await expect.poll(() => deadLetters(test)).toMatchObject([{ task: "unknown" }]);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "theirs" }]);
  });
});
