import { describe, expect, it } from "vitest";
import { perform } from "../../src/index.ts";
import { createTestJobs, drain } from "../../src/testing/index.ts";
import { killable, single } from "../support/killable-task.ts";

describe("a pause of jobs in memory", () => {
  it.each([{ task: "single" }, { queue: "billing" }, "everything"] as const)(
    "of %o holds until it is resumed",
    async (what) => {
      await using jobs = createTestJobs();
      const tasks = [perform(single, () => undefined), perform(killable, () => undefined)];
      await jobs.enqueue(single, { n: 1 }, { queue: "billing" });
      await jobs.enqueue(killable, { n: 2 });

      await jobs.admin.pause(what);
      await jobs.admin.pause(what);
      const held = await drain(jobs, { tasks });

      expect(held.doneCount).toBe(what === "everything" ? 0 : 1);
      expect(await jobs.admin.pauses()).toMatchObject([{ what, isKnown: true }]);
      expect([await jobs.admin.resume(what), await jobs.admin.resume(what)]).toEqual([true, false]);
      expect(await jobs.admin.pauses()).toEqual([]);
      expect((await drain(jobs, { tasks })).doneCount).toBe(2 - held.doneCount);
    },
  );

  it("lets jobs run when it is resumed, if they run by themselves", async () => {
    let runs = 0;
    await using jobs = createTestJobs({ mode: "inline", tasks: [perform(single, () => void (runs += 1))] });
    await jobs.admin.pause({ task: "single" });
    await jobs.enqueue(single, { n: 1 });
    expect(runs).toBe(0);

    await jobs.admin.resume({ task: "single" });

    expect(runs).toBe(1);
  });

  it("of something else is refused", async () => {
    await using jobs = createTestJobs();

    await expect(jobs.admin.pause({} as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
