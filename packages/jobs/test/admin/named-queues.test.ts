import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTask } from "../../src/index.ts";
import { addPlain } from "../support/add-plain.ts";
import { createTestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const tomorrow = new Date(Date.now() + 86_400_000);

describe("the named queues", () => {
  it("have their length, their age, and the job that is next", async () => {
    await using test = await createTestJobs();
    const { jobs } = test;
    await jobs.enqueue(task, { n: 1 }, { queue: "a", runAt: tomorrow });
    await jobs.enqueue(task, { n: 2 }, { queue: "a", runAt: new Date(Date.now() - 60_000) });
    await jobs.enqueue(task, { n: 3 }, { queue: "a", priority: -1 });
    await addPlain(test.jobsPool, "plain", 1);

    const page = await jobs.admin.queues();

    expect(page).toMatchObject({ next: undefined, isCapped: false });
    expect(page.queues).toMatchObject([
      { queue: "a", count: 3, dueCount: 2, headJobId: "3", headTask: "t", lockedAt: null, lockedBy: null },
    ]);
    expect(page.queues[0]?.oldestDueAgeMs).toBeGreaterThanOrEqual(60_000);
  });

  it("tell which worker has them", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, { queue: "a" });
    await test.jobs.enqueue(task, { n: 2 }, { queue: "a" });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w' where id = 2",
    );

    const { queues } = await test.jobs.admin.queues();

    expect(queues).toMatchObject([{ headJobId: "2", lockedBy: "w", lockedAt: expect.any(Date) as Date, dueCount: 2 }]);
  });

  it("come in pages by name", async () => {
    await using test = await createTestJobs();
    for (const queue of ["b", "B", "ä", "a"]) await test.jobs.enqueue(task, { n: 1 }, { queue });

    const first = await test.jobs.admin.queues({ limit: 3 });
    const second = await test.jobs.admin.queues({ limit: 3, after: first.next! });

    expect(first.queues.map(({ queue }) => queue)).toEqual(["B", "a", "b"]);
    expect(second).toMatchObject({ queues: [{ queue: "ä" }], next: undefined });
    await expect(test.jobs.admin.queues({ limit: 0 })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
