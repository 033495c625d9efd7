import { expect, it } from "vitest";
import { z } from "zod";
import { setReadOnly } from "../support/read-only.ts";
import { createTestJobs, outboxCount } from "../support/test-jobs.ts";
import { defineTask } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

it("a relay goes on after the jobs database was read-only for a while", { timeout: 30_000 }, async () => {
  await using test = await createTestJobs({ outbox: true });
  test.jobsPool.on("error", () => undefined);
  // Its connections were made before, and may write.
  const operator = await test.jobsPool.connect();
  await using relay = test.jobs.startRelay({ pollIntervalMs: 50 });
  await test.jobs.enqueue(task, { n: 1 });
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

  await setReadOnly(operator, "set");
  await test.jobs.enqueue(task, { n: 2 });
  const codes = () => test.log.map(({ fields }) => (fields["err"] as { code?: string } | undefined)?.code);
  await expect.poll(codes, { timeout: 10_000 }).toContain("25006");
  await setReadOnly(operator, "reset");

  await expect.poll(() => outboxCount(test.dataPool), { timeout: 10_000 }).toBe(0);
  operator.release();
  await relay.stop();
});
