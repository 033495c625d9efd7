import { describe, expect, it } from "vitest";
import { z } from "zod";
import { changeJobs } from "../../src/graphile/change-jobs.ts";
import { defineTask } from "../../src/index.ts";
import { createTestJobs, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe("a change of a job whose number was found by its id", () => {
  it("leaves the newer job alone that has replaced it since", async () => {
    await using test = await createTestJobs();
    const found = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });

    const result = await changeJobs(test.jobsPool, { kind: "discard" }, { places: [{ jobId: "1", id: found }] });

    expect(result).toMatchObject({ matchedCount: 0, changedCount: 0 });
    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
  });
});
