import { describe, expect, it } from "vitest";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { readTaskStatistics } from "../../src/admin/task-statistics.ts";
import { takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { perform } from "../../src/index.ts";

const counts = (bucket: number, count: number) =>
  `{${Array.from({ length: 26 }, (_, at) => (at === bucket ? count : 0)).join()}}`;

describe("the statistics of tasks", () => {
  it("have the rates of the last five whole minutes, and the times of the last hour", async () => {
    await using test = await createTestJobs();
    // The minute under way and the sixth before it do not count for rates, those beyond the hour not at all.
    for (const [ago, done, bucket] of [
      [0, 1_000, 3],
      [1, 10, 3],
      [5, 20, 3],
      [6, 1_000, 3],
      [59, 970, 10],
      [61, 9_000, 20],
    ] as const)
      await addMinute(test, { ago, done, bucket });

    const [statistics] = await readTaskStatistics(test.jobsPool);

    expect(statistics).toMatchObject({ task: "t", donePerMinute: 6, failedPerMinute: 0.4, due: 0, dead: 0 });
    // 2,030 of three thousand took 4 to 8 ms, the others about a second.
    expect(statistics?.runMs?.p50).toBeCloseTo(4 + (4 * 1_500) / 2_030);
    expect(statistics?.runMs?.p95).toBeCloseTo(512 + (512 * (2_850 - 2_030)) / 970);
    expect(statistics?.waitMs).toBeUndefined();
  });

  it("name each task once: those with jobs, those that a worker knows, and those that ran", async () => {
    await using test = await createTestJobs();
    await test.jobs.startWorker({ tasks: [perform(killable, () => undefined)] });
    await test.jobsPool.query("select graphile_worker.add_job('unknown')");
    await test.jobsPool.query("insert into acme_jobs.tasks values ('forgotten', now() - interval '2 days')");
    await addMinute(test, { ago: 2, done: 1, bucket: 0 });
    await test.jobsPool.query("update acme_jobs.sampler set due_at = now()");
    await takeSampleIfDue({ pool: test.jobsPool, logger: collectInto([]) });

    await expect
      .poll(async () =>
        (await readTaskStatistics(test.jobsPool)).map(({ task, due, isKnownByWorker }) => [task, due, isKnownByWorker]),
      )
      .toEqual([
        ["killable", 0, true],
        ["t", 0, false],
        ["unknown", 1, false],
      ]);
    const [known] = await readTaskStatistics(test.jobsPool);
    expect(known?.knownAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("say of a task whose worker has stopped that no worker knows it now, though one knew it a moment ago", async () => {
    await using test = await createTestJobs();
    const worker = await test.jobs.startWorker({ tasks: [perform(killable, () => undefined)] });
    const known = async () =>
      (await readTaskStatistics(test.jobsPool)).map(({ task, knownAt, isKnownByWorker }) => ({
        task,
        isKnownByWorker,
        wasKnown: knownAt !== undefined,
      }));
    await expect.poll(known).toEqual([{ task: "killable", isKnownByWorker: true, wasKnown: true }]);

    await worker.stop();

    expect(await known()).toEqual([{ task: "killable", isKnownByWorker: false, wasKnown: true }]);
    // One of an older version does not say what it runs.
    await test.jobsPool.query("insert into acme_jobs.workers (pool_id) values ('older')");
    expect(await known()).toEqual([{ task: "killable", isKnownByWorker: true, wasKnown: true }]);
  });

  it("are refused with a code where the tables are missing", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("drop schema acme_jobs cascade");

    await expect(readTaskStatistics(test.jobsPool)).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
  });
});

/** In the minute five minutes ago, two attempts have failed. */
async function addMinute(
  { jobsPool }: TestJobs,
  { ago, done, bucket }: { readonly ago: number; readonly done: number; readonly bucket: number },
): Promise<void> {
  await jobsPool.query(
    `insert into acme_jobs.minutes values (date_trunc('minute', now()) - $1 * interval '1 minute', 't', $2, $3, 0, $4, '{}')`,
    [ago, done, ago === 5 ? 2 : 0, counts(bucket, done)],
  );
}
