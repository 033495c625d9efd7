import { expect, it } from "vitest";
import { z } from "zod";
import { defineTask, perform } from "../../src/index.ts";
import { setReadOnly } from "../support/read-only.ts";
import { createTestJobs, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const patiently = { timeout: 20_000 };
/** Longer than a worker takes to find out, and to try again what has failed. */
const refusals = 4;

it("a worker goes on after its database was read-only for a while", { timeout: 60_000 }, async () => {
  await using test = await createTestJobs();
  test.jobsPool.on("error", () => undefined);
  // Its connection was made before, and may write.
  const operator = await test.jobsPool.connect();
  operator.on("error", () => undefined);
  const end = Promise.withResolvers<void>();
  const begun: number[] = [];
  const worker = await test.jobs.startWorker({
    tasks: [perform(task, async ({ n }) => (begun.push(n), end.promise))],
  });
  await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  await expect.poll(() => begun.length).toBe(3);

  await setReadOnly(operator, "set");
  end.resolve();
  const refused = () =>
    test.log.filter(({ fields }) => (fields["err"] as { code?: string } | undefined)?.code === "25006");
  await expect.poll(() => refused().length, patiently).toBeGreaterThanOrEqual(refusals);
  await setReadOnly(operator, "reset");

  await expect.poll(() => worker.state, patiently).toBe("running");
  await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
  expect(begun.length).toBe(3);
  operator.release();
});
