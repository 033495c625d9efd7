import { expect, it } from "vitest";
import { z } from "zod";
import { setReadOnly } from "../support/read-only.ts";
import { createTestJobs, outboxCount } from "../support/test-jobs.ts";
import { defineTask } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

/** After the end of the older sessions, all others are new ones. */
const newSessionsSql = `
  select from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    and query not like 'listen%' and query <> ''`;

it("a relay goes on after the jobs database was read-only for a while", { timeout: 30_000 }, async () => {
  await using test = await createTestJobs({ outbox: true });
  test.jobsPool.on("error", () => undefined);
  // Its connections were made before, and may write.
  const operator = await test.jobsPool.connect();
  operator.on("error", () => undefined);
  await using relay = test.jobs.startRelay({ pollIntervalMs: 50 });
  await test.jobs.enqueue(task, { n: 1 });
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

  await setReadOnly(operator, "set");
  await test.jobs.enqueue(task, { n: 2 });
  // Of several failures in a row only the first is logged, which may be the end of the older session.
  const isRefused = async () => {
    const codes = test.log.map(({ fields }) => (fields["err"] as { code?: string } | undefined)?.code);
    const { rowCount } = await operator.query(newSessionsSql);
    return codes.includes("25006") || rowCount !== 0;
  };
  await expect.poll(isRefused, { timeout: 10_000, interval: 5 }).toBe(true);
  await setReadOnly(operator, "reset");

  await expect.poll(() => outboxCount(test.dataPool), { timeout: 10_000 }).toBe(0);
  operator.release();
  await relay.stop();
});
