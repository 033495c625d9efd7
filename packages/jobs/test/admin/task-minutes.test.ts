import { describe, expect, it } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { readTaskMinutes } from "../../src/admin/task-minutes.ts";

const minuteMs = 60_000;

describe("the minutes of tasks", () => {
  it("are those of the last hour, the oldest first, or as many as asked for, of one task or all", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `insert into acme_jobs.minutes
       select date_trunc('minute', now()) - ago * interval '1 minute', task, ago, 2, 1, '{1,2}', '{3}'
       from unnest(array[1, 30, 90, 470, 600]) as ago cross join unnest(array['a', 'b']) as task`,
    );
    const read = async (options?: Parameters<typeof readTaskMinutes>[1]) =>
      (await readTaskMinutes(test.jobsPool, options)).map(({ task, done }) => `${task}${done}`);

    expect(await read()).toEqual(["a30", "b30", "a1", "b1"]);
    expect(await read({ task: "a", sinceMs: 120 * minuteMs })).toEqual(["a90", "a30", "a1"]);
    expect(await read({ task: "b", sinceMs: 480 * minuteMs })).toEqual(["b470", "b90", "b30", "b1"]);
    const [minute] = await readTaskMinutes(test.jobsPool, { task: "a" });
    expect(minute).toEqual({
      minute: expect.any(Date),
      task: "a",
      done: 30,
      failed: 2,
      dead: 1,
      runCounts: [1, 2],
      waitCounts: [3],
    });
    expect((minute?.minute.getTime() ?? 1) % minuteMs).toBe(0);
  });

  it.each([0, 59_999, 8 * 60 * minuteMs + 1, Number.NaN, "1h"])("are not read since %o", async (sinceMs) => {
    await using test = await createTestJobs();

    await expect(readTaskMinutes(test.jobsPool, { sinceMs } as never)).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
  });

  it("are refused with an option that does not exist, and with a code where the tables are missing", async () => {
    await using test = await createTestJobs();
    await expect(readTaskMinutes(test.jobsPool, { since: 5 } as never)).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
    await test.jobsPool.query("drop schema acme_jobs cascade");

    await expect(readTaskMinutes(test.jobsPool)).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
  });
});
