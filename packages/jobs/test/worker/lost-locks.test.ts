import { expect, it, onTestFinished } from "vitest";
import { watchLostLocks } from "../../src/worker/lost-locks.ts";
import { createTestJobs } from "../support/test-jobs.ts";

it("a job that a pool has locked anew at each look is not lost, but one under the same lock is", async () => {
  await using test = await createTestJobs();
  await test.jobs.migrate();
  await test.jobsPool.query("select graphile_worker.add_job('again')");
  const lockAnew = () =>
    test.jobsPool.query("update graphile_worker._private_jobs set locked_by = 'busy', locked_at = clock_timestamp()");
  await lockAnew();
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  let lookCount = 0;
  let lostAfter: number | undefined;
  let locking: Promise<unknown> = Promise.resolve();
  // As if each run of the job ended between the answer of the database and the judgement.
  const holds = () => {
    lookCount += 1;
    if (lookCount < 5) locking = lockAnew();
    return false;
  };
  const db = {
    query: async (text: string, values?: readonly unknown[]) => {
      await locking;
      return test.jobsPool.query(text, [...(values ?? [])]);
    },
  };

  const { beginFetch } = watchLostLocks({
    db,
    pool: () => ({ id: "busy", holds }),
    everyMs: 10,
    stopSignal: stopping.signal,
    onLost: () => (lostAfter = lookCount),
  });
  beginFetch()(true);

  await expect.poll(() => lostAfter, { timeout: 5_000 }).toBe(6);
});
