import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask } from "../../src/index.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe("the outbox", () => {
  it("shows what waits in pages, the oldest first, without payloads", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ids = await test.jobs.enqueueMany(
      task,
      Array.from({ length: 12 }, (_, n) => ({ n })),
      { queue: "q" },
    );

    const first = await test.jobs.admin.outbox({ limit: 11 });
    const second = await test.jobs.admin.outbox({ limit: 11, after: first!.next! });

    expect([...first!.rows, ...second!.rows].map(({ id }) => id)).toEqual(ids);
    expect(first).toMatchObject({ pendingCount: 12, oldestAgeMs: expect.any(Number) as number });
    expect(second?.next).toBeUndefined();
    expect(Object.keys(first!.rows[0]!)).not.toContain("payload");
    expect(first!.rows[0]).toMatchObject({ task: "t", queue: "q", key: null, runAt: null, origin: {} });
  });

  it("has the origin of the jobs to be", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date(9e12) });
    await test.dataPool.query("update acme_jobs.outbox set flags = array['acme:request:r-1']");

    const info = await test.jobs.admin.outbox();

    expect(info?.rows).toMatchObject([{ origin: { requestId: "r-1" }, runAt: new Date(9e12) }]);
  });

  it("is undefined if there is none, and says if its tables are missing", async () => {
    await using test = await createTestJobs();
    await using jobs = createJobs({ outbox: { connection: test.dataUrl }, logger: collectInto([]) });

    expect(await test.jobs.admin.outbox()).toBeUndefined();
    await expect(jobs.admin.outbox()).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
    await expect(jobs.admin.outbox({ after: "x" })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
