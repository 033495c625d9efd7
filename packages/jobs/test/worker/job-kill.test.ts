import { runChild, terminateBackends } from "@acme/test-postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { effect } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";
import { holdStatement } from "../support/held-statement.ts";
import { killable, single } from "../support/killable-task.ts";
import { createTestJobs, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { perform } from "../../src/index.ts";

const child = new URL("../children/effect-worker.child.ts", import.meta.url);
const applicationName = "doomed";
const quick = { heartbeatMs: 100, deadAfterMs: 500 };

interface Death {
  /** The step of the code that is held, */
  readonly step?: string;
  /** or the statement of the worker. */
  readonly statement?: string;
  /** How many attempts fail before. */
  readonly failures?: number;
  /** The attempt of the run that follows. Default: 1, because for a first lock it is not recorded whether the code had begun. */
  readonly attemptAfter?: number;
  readonly outbox?: boolean;
}

const completion = "delete on graphile_worker._private_jobs for each statement";
const deaths: [string, Death][] = [
  ["before its handler, in the check of the payload", { step: "before the handler" }],
  [
    "before its handler, while the beginning of a second attempt is written",
    {
      failures: 1,
      statement: "update on acme_jobs.failures for each row when new.started_attempt = 2",
      attemptAfter: 2,
    },
  ],
  ["in its handler, before the unit of work", { step: "in the handler" }],
  ["in the handler of a second attempt", { failures: 1, step: "in the handler", attemptAfter: 3 }],
  ["in its unit of work, before the COMMIT", { step: "in its unit" }],
  ["after its COMMIT", { step: "after the commit" }],
  ["after its COMMIT, having come through an outbox", { step: "after the commit", outbox: true }],
  ["after its handler, before the completion is written", { statement: completion }],
  [
    "after its handler, before the completion is written, having come through an outbox",
    { statement: completion, outbox: true },
  ],
  [
    "after a failed attempt, before that is noted",
    { failures: 1, statement: "insert on acme_jobs.failures for each statement" },
  ],
  [
    "after a failed attempt, between the note and the release",
    {
      failures: 1,
      statement: "update of last_error on graphile_worker._private_jobs for each statement",
      attemptAfter: 2,
    },
  ],
  [
    "after a failed attempt, between the release and the settling",
    {
      failures: 1,
      statement: "update of max_attempts on graphile_worker._private_jobs for each statement",
      attemptAfter: 2,
    },
  ],
];

describe("a job whose worker is killed", () => {
  it.each(deaths)("%s, is done by another worker, and its effect is there once", async (_, death) => {
    const { step, statement, failures = 0, attemptAfter = 1, outbox = false } = death;
    await using test = await createTestJobs({ outbox });
    const effects = effectsIn(test.dataPool);
    await effects.createTables();
    await using held = statement === undefined ? null : await holdStatement(test.jobsPool, applicationName, statement);
    await using doomed = runChild(child, {
      env: {
        JOBS_URL: test.jobsUrl,
        DATA_URL: test.dataUrl,
        PGAPPNAME: applicationName,
        FAILURES: String(failures),
        ...(step !== undefined && { HOLD_AT: step }),
      },
    });
    await test.jobs.enqueue(effect, { n: 7 });
    await (held === null ? doomed.waitFor(step ?? "") : held.reached());

    await doomed.kill("SIGKILL");
    // What waits in a lock does not notice by itself that its client is gone.
    await terminateBackends(test.jobsUrl, { applicationName });
    const attempts: number[] = [];
    const survivor = await test.jobs.startWorker({
      tasks: [
        perform(effect, async ({ n }, { attempt, idempotencyKey }) => {
          attempts.push(attempt);
          await effects.writeOnce(idempotencyKey, n);
        }),
      ],
      ...quick,
    });
    onTestFinished(() => survivor.stop());

    await expect
      .poll(() => leftBehind(test))
      .toEqual({ jobs: [], notes: 0, workers: 1, deadLetters: [], outboxRows: 0 });
    expect(await effects.written()).toEqual([7]);
    expect(attempts).toEqual([attemptAfter]);
  });
});

describe("a job that kills its worker each time", () => {
  it("ends as a dead letter, and costs no attempt of 40 other jobs beside it", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 0 }, { priority: -1 });
    await test.jobs.enqueueMany(
      single,
      Array.from({ length: 40 }, (_, n) => ({ n })),
    );
    // Locked a second time, those beside it never get as far as their code.
    const beginning = "update on acme_jobs.failures for each row when new.started_attempt > 1 and new.task = 'single'";
    await using held = await holdStatement(test.jobsPool, applicationName, beginning);
    const recovering = await test.jobs.startWorker({ tasks: [perform(effect, () => undefined)], ...quick });
    onTestFinished(() => recovering.stop());

    // For a first lock it is not recorded whether the code had begun, so that crash is free.
    for (const [life, attempt] of [1, 1, 2, 3].entries()) {
      // First the job that kills, by itself, then the others.
      await test.jobsPool.query("update graphile_worker._private_jobs set run_at = now() + interval '1 hour'");
      await using doomed = runChild(new URL("../children/poison-worker.child.ts", import.meta.url), {
        env: { JOBS_URL: test.jobsUrl, PGAPPNAME: applicationName },
      });
      // A worker whose last jobs were short takes others ahead.
      await test.jobs.enqueueMany(
        single,
        Array.from({ length: 300 }, () => ({ n: -1 })),
      );
      await expect.poll(() => warmCount(test)).toBe(0);
      await test.jobsPool.query(
        "update graphile_worker._private_jobs set run_at = now() - interval '1 second' where priority < 0",
      );
      await doomed.waitFor(`poison ${attempt}`);
      await test.jobsPool.query(
        "update graphile_worker._private_jobs set run_at = now() - interval '1 second' where priority = 0",
      );
      await (life === 0 ? doomed.waitFor("neighbour") : held.reached());
      await doomed.kill("SIGKILL");
      await terminateBackends(test.jobsUrl, { applicationName });
      await expect.poll(() => lockedCount(test)).toBe(0);
    }
    await test.jobsPool.query("update graphile_worker._private_jobs set run_at = now() - interval '1 second'");
    const runs: { n: number; attempt: number }[] = [];
    const survivor = await test.jobs.startWorker({
      tasks: [
        perform(killable, () => undefined),
        perform(single, ({ n }, { attempt }) => void runs.push({ n, attempt })),
      ],
      ...quick,
    });
    onTestFinished(() => survivor.stop());

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs.toSorted((a, b) => a.n - b.n)).toEqual(Array.from({ length: 40 }, (_, n) => ({ n, attempt: 1 })));
    expect(await test.jobs.deadLetters.list()).toMatchObject([
      { task: "killable", attempts: 3, errors: [1, 2, 3].map((attempt) => ({ attempt })) },
    ]);
  });
});

async function warmCount(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query(
    "select from graphile_worker._private_jobs where payload->>'n' = '-1'",
  );
  return rowCount ?? 0;
}

async function lockedCount(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query("select from graphile_worker.jobs where locked_at is not null");
  return rowCount ?? 0;
}

async function leftBehind(test: TestJobs) {
  const { rows } = await test.jobsPool.query<{ notes: number; workers: number }>(
    `select (select count(*)::int from acme_jobs.failures) as notes,
       (select count(*)::int from acme_jobs.workers) as workers`,
  );
  return {
    jobs: await storedJobs(test.jobsPool),
    ...rows[0],
    deadLetters: await test.jobs.deadLetters.list(),
    outboxRows: test.dataUrl === test.jobsUrl ? 0 : await outboxCount(test.dataPool),
  };
}
