import { startProxy } from "@acme/test-postgres";
import { expect, it } from "vitest";
import { createJobs, NonRetryableError, perform, snooze, type Jobs } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };

/** A worker whose code waits until it is told how to end. */
async function startHeld(jobs: Jobs) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const worker = await jobs.startWorker({
    tasks: [
      perform(killable, async (_, { attempt }) => {
        begun.push(attempt);
        await new Promise<void>((resolve, reject) =>
          ends.push((error) => (error === undefined ? resolve() : reject(error))),
        );
      }),
    ],
    ...quick,
  });
  return { worker, begun, end: (error?: Error) => ends.shift()?.(error) };
}

it.each([
  ["an ordinary error", new Error("late")],
  ["NonRetryableError", new NonRetryableError("late")],
])(
  "a worker that comes back and fails with %s does not touch a job that others have put off since",
  async (_, error) => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(killable, { n: 1 });
    await using proxy = await startProxy(test.jobsUrl);
    await using cutOff = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const first = await startHeld(cutOff);
    await using __ = first.worker;
    await expect.poll(() => first.begun, { timeout: 20_000 }).toEqual([1]);
    proxy.refuseConnections();
    proxy.cutAll();
    const second = await startHeld(test.jobs);
    await using ___ = second.worker;
    await expect.poll(() => second.begun, { timeout: 20_000 }).toEqual([1]);
    second.end(snooze(3_600_000));
    await expect.poll(async () => (await test.jobs.admin.list()).jobs[0]?.state, { timeout: 5_000 }).toBe("scheduled");
    const isSettled = async () =>
      (await test.jobsPool.query("select from acme_jobs.failures where is_settled")).rowCount;
    await expect.poll(isSettled).toBe(1);
    await proxy.acceptConnections();
    await expect.poll(async () => (await test.jobs.admin.workers()).length, { timeout: 10_000 }).toBe(2);

    first.end(error);
    await first.worker.stop();

    const found = await test.jobs.admin.get(id);
    expect([found?.in, second.begun]).toEqual(["queue", [1]]);
    expect((await test.jobs.admin.list()).jobs[0]?.runAt.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  },
);
