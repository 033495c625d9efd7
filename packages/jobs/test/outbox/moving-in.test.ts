import { createTestDatabase, runChild } from "@acme/test-postgres";
import { Logger, parseCronItems, run } from "graphile-worker";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { effect } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const versions = { "0.16": "graphile-worker-016", "0.17": "graphile-worker-017", "0.18": "graphile-worker" } as const;

/** A plain Graphile Worker that has made its own tables and runs, as before anybody has heard of this package. */
async function before(version: keyof typeof versions) {
  const database = await createTestDatabase();
  onTestFinished(() => database[Symbol.asyncDispose]());
  const pool = database.pool();
  const effects = effectsIn(pool);
  await effects.createTables();
  const plain = runChild(new URL("../children/plain-worker.child.ts", import.meta.url), {
    env: { JOBS_URL: database.url, TASKS: "effect", MODE: "do", PACKAGE: versions[version] },
  });
  onTestFinished(() => void plain.kill());
  const jobs = createJobs({ connection: database.url, logger: collectInto([]) });
  onTestFinished(() => jobs.close());
  const addPlain = (n: number) =>
    pool.query("select graphile_worker.add_job('effect', json_build_object('n', $1::int))", [n]);
  // Its tables are there once they can be used.
  await expect
    .poll(() =>
      addPlain(1).then(
        () => "added",
        () => "not yet",
      ),
    )
    .toBe("added");
  await expect.poll(() => effects.written()).toEqual([1]);
  return { jobs, pool, effects, plain, addPlain };
}

describe("moving in where a plain Graphile Worker runs", () => {
  it("does not end a worker of 0.16 by default: migrate() refuses, and the worker goes on", async () => {
    const { jobs, effects, addPlain } = await before("0.16");

    await expect(jobs.migrate()).rejects.toMatchObject({ code: "GRAPHILE_WORKER_OLDER" });
    await expect(jobs.startWorker({ tasks: [perform(effect, () => undefined)] })).rejects.toMatchObject({
      code: "GRAPHILE_WORKER_OLDER",
    });

    await addPlain(2);
    await expect.poll(() => effects.written()).toEqual([1, 2]);
  });

  it("ends a worker of 0.16 with endOlderWorkers, and runs the jobs that it has left", async () => {
    const { jobs, pool, effects, plain } = await before("0.16");

    await jobs.migrate({ endOlderWorkers: true });

    await plain.ended;
    const worker = await jobs.startWorker({
      tasks: [perform(effect, ({ n }) => pool.query("insert into effects values ($1)", [n]))],
    });
    onTestFinished(() => worker.stop());
    await pool.query("select graphile_worker.add_job('effect', '{\"n\": 2}')");
    await expect.poll(() => effects.written()).toEqual([1, 2]);
  });

  it.each(["0.17", "0.18"] as const)(
    "leaves a worker of %s running, which runs jobs that are enqueued here",
    async (version) => {
      const { jobs, effects, addPlain } = await before(version);

      await jobs.migrate();

      await jobs.enqueue(effect, { n: 2 });
      await addPlain(3);
      await expect.poll(() => effects.written()).toEqual([1, 2, 3]);
    },
  );
});

describe("while workers move, one after another,", () => {
  it("a crontab runs in a plain runner without tasks, and its jobs here", async () => {
    await using test = await createTestJobs();
    const nightly = defineTask("nightly", { payload: z.object({ dry: z.boolean().default(false) }) });
    const ran: unknown[] = [];
    const worker = await test.jobs.startWorker({ tasks: [perform(nightly, (payload) => void ran.push(payload))] });
    onTestFinished(() => worker.stop());
    // As if the runner had been away last night.
    await test.jobsPool.query(
      `insert into graphile_worker._private_known_crontabs (identifier, known_since, last_execution)
       values ('nightly', now() - interval '3 days', now() - interval '2 days')`,
    );

    const runner = await run({
      pgPool: test.jobsPool,
      taskList: {},
      parsedCronItems: parseCronItems([
        { task: "nightly", match: "0 4 * * *", options: { backfillPeriod: 86_400_000 } },
      ]),
      noHandleSignals: true,
      logger: new Logger(() => () => undefined),
    });

    await expect.poll(() => ran).toEqual([{ dry: false }]);
    await runner.stop();
  });

  it("leaves jobs of tasks alone that only plain workers know", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select graphile_worker.add_job('theirs', '{}', run_at => now() - interval '2 days')");
    const worker = await test.jobs.startWorker({ tasks: [perform(effect, () => undefined)], unknownTaskAfterMs: 0 });
    onTestFinished(() => worker.stop());
    const ours = await test.jobs.enqueue(defineTask("ours", { payload: z.object({}) }), {});

    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id: ours }]);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "theirs" }]);
  });
});
