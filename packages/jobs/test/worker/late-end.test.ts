import { runChild, startProxy } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { createJobs, NonRetryableError, perform, snooze, type Jobs } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };
const patiently = { timeout: 20_000 };

/** A worker whose code waits until it is told how to end. */
async function startHeld(jobs: Jobs) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const run = perform(killable, async (_, { attempt }) => {
    begun.push(attempt);
    await new Promise<void>((resolve, reject) => {
      ends.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  });
  const worker = await jobs.startWorker({ tasks: [run], ...quick });
  return { worker, begun, end: (error?: Error) => ends.shift()?.(error) };
}

/** A worker that is cut off while it runs the job, another one that has got the job since, and the first one connected again. */
async function startTwo(test: TestJobs, attempt: number) {
  await using made = new AsyncDisposableStack();
  const proxy = made.use(await startProxy(test.jobsUrl));
  const cutOff = made.use(createJobs({ connection: proxy.url, logger: collectInto([]) }));
  const first = await startHeld(cutOff);
  await expect.poll(() => first.begun, patiently).toEqual([attempt]);
  proxy.refuseConnections();
  proxy.cutAll();
  const second = await startHeld(test.jobs);
  made.use(second.worker);
  await expect.poll(() => second.begun, patiently).toHaveLength(1);
  const connectAgain = async () => {
    await proxy.acceptConnections();
    await expect.poll(async () => (await test.jobs.admin.workers()).length, patiently).toBe(2);
  };
  const stack = made.move();
  return { first, second, connectAgain, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const noteWhere = async ({ jobsPool }: TestJobs, condition: string) =>
  (await jobsPool.query(`select from acme_jobs.failures where ${condition}`)).rowCount;

describe("a worker that comes back to a job that others have got since", { timeout: 60_000 }, () => {
  it("leaves the count of its attempts alone when its own run succeeds", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(killable, { n: 1 });
    // The crash of a first lock is free, and that is noted.
    await using killed = runChild(new URL("../children/worker.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl },
    });
    await killed.waitFor("running 1 1");
    await killed.kill("SIGKILL");
    await using two = await startTwo(test, 1);
    await two.connectAgain();
    expect(await noteWhere(test, "uncounted = 1")).toBe(1);

    two.first.end();
    await two.first.worker.stop();

    expect(await noteWhere(test, "uncounted = 1")).toBe(1);
    two.second.end(new Error("the second attempt fails"));
    await expect.poll(() => two.second.begun, patiently).toEqual([2, 3]);
    expect((await test.jobs.admin.get(id))?.in).toBe("queue");
    two.second.end();
  });

  it.each([
    ["an ordinary error", new Error("late")],
    ["NonRetryableError", new NonRetryableError("late")],
  ])("leaves it put off when its own run fails with %s", async (_, error) => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(killable, { n: 1 });
    await using two = await startTwo(test, 1);
    two.second.end(snooze(3_600_000));
    await expect.poll(() => noteWhere(test, "is_settled"), patiently).toBe(1);
    await two.connectAgain();

    two.first.end(error);
    await two.first.worker.stop();

    const { jobs } = await test.jobs.admin.list();
    expect(jobs).toMatchObject([{ id, state: "scheduled" }]);
    expect(jobs[0]?.runAt.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    expect(two.second.begun).toEqual([1]);
  });
});
