import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createAttemptLedger, type AttemptLedger } from "../support/attempt-ledger.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import {
  defineTask,
  NonRetryableError,
  perform,
  retry,
  RetryAfterError,
  snooze,
  type RetryPolicy,
} from "../../src/index.ts";

/** Longer than Graphile Worker's own 2.7 s, which must not show through. */
const delayMs = 3_200;
/** What finding and taking many due jobs at once may take on a busy machine. */
const latenessMs = 3_500;
const jobCount = 200;

describe(`the delays of ${jobCount} jobs at once, by the clock of the database,`, () => {
  it("are within the jitter of their policy", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();

    await failOnce(test, ledger, retry.fixed({ attempts: 2, delayMs, jitter: 0.5 }), () => new Error("on purpose"));

    const delays = await ledger.delaysAfter(1);
    expect(delays.length).toBe(jobCount);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(delayMs);
    expect(Math.max(...delays)).toBeLessThan(1.5 * delayMs + latenessMs);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(0.25 * delayMs);
  });

  it.each([
    ["a RetryAfterError asks for, and the attempt is used", () => new RetryAfterError(delayMs), 2],
    ["a snooze asks for, and no attempt is used", () => snooze(delayMs), 1],
  ])("are what %s", async (_, makeError, nextAttempt) => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();

    await failOnce(test, ledger, retry.fixed({ attempts: 2, delayMs: 3_600_000 }), makeError);

    const delays = await ledger.delaysAfter(1);
    expect(delays.length).toBe(jobCount);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(delayMs);
    expect(Math.max(...delays)).toBeLessThan(delayMs + latenessMs);
    const done = (await ledger.notes()).filter(({ what }) => what === "done");
    expect(new Set(done.map(({ attempt }) => attempt))).toEqual(new Set([nextAttempt]));
  });

  it("do not exist for a NonRetryableError: each job is a dead letter after one attempt", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();

    await startFailing(test, ledger, retry.standard, () => new NonRetryableError("on purpose"));

    const letters = () => test.jobs.deadLetters.list({ limit: 1_000 });
    await expect.poll(async () => (await letters()).length, { timeout: 20_000 }).toBe(jobCount);
    expect(new Set((await letters()).map(({ attempts }) => attempts))).toEqual(new Set([1]));
    expect((await ledger.notes()).length).toBe(2 * jobCount);
  });
});

async function failOnce(test: TestJobs, ledger: AttemptLedger, policy: RetryPolicy, makeError: () => Error) {
  await startFailing(test, ledger, policy, makeError);
  await expect.poll(() => ledger.doneCount(), { timeout: 20_000 }).toBe(jobCount);
}

/** A worker whose jobs all fail the first time. */
async function startFailing(test: TestJobs, ledger: AttemptLedger, policy: RetryPolicy, makeError: () => Error) {
  const task = defineTask("delayed", { payload: z.object({ n: z.number() }), retry: policy });
  const hasFailed = new Set<number>();
  const worker = await test.jobs.startWorker({
    tasks: [
      perform(task, async ({ n }, { attempt }) => {
        await ledger.note(n, attempt, "begun");
        await ledger.note(n, attempt, hasFailed.has(n) ? "done" : "failed");
        if (hasFailed.has(n)) return;
        hasFailed.add(n);
        throw makeError();
      }),
    ],
  });
  onTestFinished(() => worker.stop());
  await test.jobs.enqueueMany(
    task,
    Array.from({ length: jobCount }, (_, n) => ({ n })),
  );
}
