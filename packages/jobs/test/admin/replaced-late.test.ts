import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, retry } from "../../src/index.ts";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const payload = z.object({ n: z.number() });
const task = defineTask("t", { payload, retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }) });
const inAnHour = new Date(Date.now() + 3_600_000);
const tomorrow = new Date(Date.now() + 86_400_000);

/** As a worker that has run the job, failed, and noted what is to happen with it. */
async function noteFailure({ jobsPool }: TestJobs, id: string) {
  const error = new Error("broken");
  const outcome = { kind: "retry", attemptsUsed: 1, delayMs: 5e6 } as const;
  await noteFailures(jobsPool, [
    { jobId: "1", idempotencyKey: id, task: "t", lockCount: 1, attempt: 1, outcome, error },
  ]);
}
const lock = ({ jobsPool }: TestJobs) =>
  jobsPool.query("update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w', attempts = 1");
const release = ({ jobsPool }: TestJobs) =>
  jobsPool.query("update graphile_worker._private_jobs set locked_at = null, locked_by = null, attempts = 1");

/** An operator whose connection does these things at once after the answers to certain statements. */
function openOperator(
  url: string,
  after: { readonly changed?: () => Promise<unknown>; readonly settled: () => Promise<unknown> },
) {
  const pool = new Pool({ connectionString: url });
  const done = new Set<string>();
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (config: { text: string }) => Promise<unknown>;
    Object.assign(client, {
      async query(config: { text: string }) {
        const answer = await query(config);
        const { text } = config;
        const which = text.includes("is_changeable") ? "changed" : text.includes("rescheduled as") ? "settled" : "none";
        if (which !== "none" && !done.has(which)) {
          done.add(which);
          await after[which]?.();
        }
        return answer;
      },
    });
  });
  const jobs = createJobs({ connection: pool, logger: collectInto([]) });
  return {
    admin: jobs.admin,
    async [Symbol.asyncDispose]() {
      await jobs.close();
      await pool.end();
    },
  };
}

describe("a change of a job that has a failure to settle, and whose key a newer job takes meanwhile", () => {
  it("does not discard the newer job", async () => {
    await using test = await createTestJobs();
    const old = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    // Its worker is between the note and the release.
    await lock(test);
    await noteFailure(test, old);
    await using operator = openOperator(test.jobsUrl, {
      changed: () => release(test),
      settled: () => test.jobs.enqueue(task, { n: 2 }, { key: "k" }),
    });

    await operator.admin.discard({ ids: [old] });

    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "t", attempts: 0 }]);
  });

  it("does not put the newer job off", async () => {
    await using test = await createTestJobs();
    const old = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    await test.jobsPool.query("update graphile_worker._private_jobs set attempts = 1");
    await noteFailure(test, old);
    await using operator = openOperator(test.jobsUrl, {
      settled: () => test.jobs.enqueue(task, { n: 2 }, { key: "k", runAt: inAnHour }),
    });

    await operator.admin.putOff({ ids: [old] }, { until: tomorrow });

    const { jobs } = await test.jobs.admin.list();
    expect(jobs).toMatchObject([{ attempts: 0, runAt: inAnHour }]);
  });
});
