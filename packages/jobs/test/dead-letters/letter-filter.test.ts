import { describe, expect, it } from "vitest";
import { createJobs } from "../../src/index.ts";
import { addLetters } from "../support/add-letters.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const unknown = "0199f2c1-0000-7000-8000-00000000ac5e";

describe("dead letters", () => {
  it("are found by a part of their error in any case, in which % and _ mean themselves", async () => {
    await using test = await createTestJobs();
    for (const reason of ["100%% Full_disk", "100 full disks", "FULL_DISK"]) {
      await addLetters(test.jobsPool, { count: 1, task: "t", reason });
    }
    const found = async (error: string) =>
      (await test.jobs.deadLetters.list({ error })).map(({ reason }) => reason).toSorted();

    expect(await found("full_disk")).toEqual(["100% Full_disk", "FULL_DISK"]);
    expect(await found("100%")).toEqual(["100% Full_disk"]);
    expect(await found("%")).toEqual(["100% Full_disk"]);
  });

  it("are found by the time of their death: since it, and before it", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 3, task: "t", reason: "%s" });
    await test.jobsPool.query(
      "update acme_jobs.dead_letters set died_at = timestamptz '2026-01-01 00:00Z' + (payload ->> 'n')::int * interval '1 day'",
    );
    const [since, until] = [new Date("2026-01-03T00:00:00Z"), new Date("2026-01-03T00:00:00Z")];

    const reasons = async (filter: object) => (await test.jobs.deadLetters.list(filter)).map(({ reason }) => reason);

    expect(await reasons({ since })).toEqual(["3", "2"]);
    expect(await reasons({ until })).toEqual(["1"]);
    expect(await test.jobs.deadLetters.count({ since })).toEqual({ count: 2, isCapped: false });
  });

  it("come in pages that have each once, although many died at one moment and the last of a page is gone", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 25, task: "t", reason: "%s" });
    await test.jobsPool.query(
      "update acme_jobs.dead_letters set died_at = timestamptz '2026-01-01 00:00:00.123456Z' where (payload ->> 'n')::int < 20",
    );
    const whole = (await test.jobs.deadLetters.list()).map(({ id }) => id);

    const paged: string[] = [];
    for (let after: string | undefined; paged.length < 25;) {
      const page = await test.jobs.deadLetters.list({ limit: 7, ...(after && { after }) });
      paged.push(...page.map(({ id }) => id));
      after = page.at(-1)?.cursor;
      await test.jobs.deadLetters.discard(page.at(-1)?.id ?? "");
    }

    expect(paged).toEqual(whole);
  });

  it("are got one by one, with their origin", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1, task: "t" });
    await test.jobsPool.query("update acme_jobs.dead_letters set flags = array['acme:event:a/b/7', 'acme:request:r']");
    const [letter] = await test.jobs.deadLetters.list();

    expect(await test.jobs.deadLetters.get(letter!.id)).toEqual(letter);
    expect(letter).toMatchObject({ payload: { n: 1 }, origin: { requestId: "r", eventType: "a/b", eventId: "7" } });
    expect(await test.jobs.deadLetters.get(unknown)).toBeUndefined();
  });

  it("are counted to 10,000", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 10_000, task: "t" });

    const exact = await test.jobs.deadLetters.count({ task: "t" });
    await addLetters(test.jobsPool, { count: 1, task: "t" });

    expect(exact).toEqual({ count: 10_000, isCapped: false });
    expect(await test.jobs.deadLetters.count()).toEqual({ count: 10_000, isCapped: true });
  });

  it.each([{ task: 5 }, { error: "" }, { since: "today" }, { until: new Date(NaN) }, { after: "x" }, { tsk: "t" }])(
    "are not listed by %o",
    async (filter) => {
      await using jobs = createJobs({ connection: "postgres://nobody@localhost:1/none", logger: collectInto([]) });

      await expect(jobs.deadLetters.list(filter as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    },
  );
});
