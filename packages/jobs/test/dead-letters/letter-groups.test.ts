import { describe, expect, it } from "vitest";
import { addLetters } from "../support/add-letters.ts";
import { createTestJobs } from "../support/test-jobs.ts";

describe("groups of dead letters", () => {
  it("are those of one task whose errors differ only in numbers and ids, the largest first", async () => {
    await using test = await createTestJobs();
    const { jobsPool } = test;
    await addLetters(jobsPool, { count: 3, task: "t", reason: "order %s: 12.5 s are over" });
    await addLetters(jobsPool, { count: 1, task: "u", reason: "order %s: 12.5 s are over" });
    await addLetters(jobsPool, { count: 1, task: "t", reason: "user 0199f2c1-0000-7000-8000-00000000ac5e is gone" });
    await addLetters(jobsPool, { count: 1, task: "t", reason: "user 7 is gone" });

    const { groups, isCapped } = await test.jobs.deadLetters.groups();

    expect(isCapped).toBe(false);
    expect(groups.map(({ task, error, count }) => [task, error, count])).toEqual([
      ["t", "Error: order #: # s are over", 3],
      ["t", "Error: user # is gone", 2],
      ["u", "Error: order #: # s are over", 1],
    ]);
  });

  it("have the times of the first and the last death", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 3, task: "t", reason: "no %s" });
    const letters = await test.jobs.deadLetters.list();

    const { groups } = await test.jobs.deadLetters.groups({ task: "t" });

    expect(groups).toMatchObject([{ firstDiedAt: letters.at(-1)?.diedAt, lastDiedAt: letters[0]?.diedAt }]);
    expect(await test.jobs.deadLetters.groups({ task: "u" })).toEqual({ groups: [], isCapped: false });
  });

  it("keep words that only look like ids", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1, task: "t", reason: "defaced facade deadbeef12 E4001" });

    const { groups } = await test.jobs.deadLetters.groups();

    expect(groups).toMatchObject([{ error: "Error: defaced facade # E#" }]);
  });
});
