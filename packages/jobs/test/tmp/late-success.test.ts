import { runChild, startProxy } from "@acme/test-postgres";
import { expect, it } from "vitest";
import { createJobs, perform, type Jobs } from "../../src/index.ts";
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

it("a worker that comes back and ends a job that was taken from it leaves the count of its attempts alone", async () => {
  await using test = await createTestJobs();
  const id = await test.jobs.enqueue(killable, { n: 1 });
  // The crash of a first lock is free, and that is noted.
  await using killed = runChild(new URL("../children/worker.child.ts", import.meta.url), {
    env: { JOBS_URL: test.jobsUrl },
  });
  await killed.waitFor("running 1 1");
  await killed.kill("SIGKILL");
  await using proxy = await startProxy(test.jobsUrl);
  await using cutOff = createJobs({ connection: proxy.url, logger: collectInto([]) });
  const first = await startHeld(cutOff);
  await using _ = first.worker;
  await expect.poll(() => first.begun, { timeout: 20_000 }).toEqual([1]);

  proxy.refuseConnections();
  proxy.cutAll();
  const second = await startHeld(test.jobs);
  await using __ = second.worker;
  await expect.poll(() => second.begun, { timeout: 20_000 }).toEqual([2]);
  await proxy.acceptConnections();
  await expect.poll(async () => (await test.jobs.admin.workers()).length, { timeout: 10_000 }).toBe(2);
  const isNoted = async () =>
    (await test.jobsPool.query("select from acme_jobs.failures where uncounted = 1")).rowCount === 1;
  expect(await isNoted()).toBe(true);
  first.end();
  const until = Date.now() + 1_500;
  await expect.poll(async () => Date.now() > until || !(await isNoted()), { timeout: 3_000 }).toBe(true);
  await first.worker.stop();

  second.end(new Error("the second attempt fails"));

  await expect
    .poll(async () => [second.begun, (await test.jobs.admin.get(id))?.in], { timeout: 20_000 })
    .toEqual([[2, 3], "queue"]);
  second.end();
});
