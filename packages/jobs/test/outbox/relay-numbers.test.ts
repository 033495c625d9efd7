import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTask } from "../../src/index.ts";
import { createTestJobs, outboxCount, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const setSql = "select setval(pg_get_serial_sequence('graphile_worker._private_jobs', 'id'), $1)";

describe("rows", { timeout: 30_000 }, () => {
  it("stay in the outbox while the numbers of jobs are behind, and are moved once they are set", async () => {
    await using test = await createTestJobs({ outbox: true });
    test.jobs.startRelay({ pollIntervalMs: 20 });
    await test.jobs.enqueueMany(task, numbers(50));
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

    await test.jobsPool.query(setSql, [1]);
    await test.jobs.enqueueMany(task, numbers(4));
    const codes = () => test.log.map(({ fields }) => (fields["err"] as { code?: string } | undefined)?.code);
    await expect.poll(codes, { timeout: 10_000 }).toContain("23505");
    expect(await outboxCount(test.dataPool)).toBe(4);
    await test.jobsPool.query(setSql, [1_000]);

    await expect.poll(() => outboxCount(test.dataPool), { timeout: 10_000 }).toBe(0);
    expect(await storedJobs(test.jobsPool)).toHaveLength(54);
    expect((await test.jobsPool.query("select from acme_jobs.dead_letters")).rows).toEqual([]);
  });
});

function numbers(length: number): { n: number }[] {
  return Array.from({ length }, (_, n) => ({ n }));
}
