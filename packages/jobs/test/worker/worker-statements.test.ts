import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { recordStatements, type Statement } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, retry, type WorkerOptions } from "../../src/index.ts";

const jobCount = 1_000;
const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 50 }),
});

// What a job costs is, above all, its share of the statements: these numbers are the ones to watch, not milliseconds.
describe("what a worker sends to PostgreSQL", () => {
  it("for short jobs is one statement to take a hundred of them, later five hundred, and few to complete them", async () => {
    const count = 6_000;
    await using test = await createTestJobs();
    await enqueueAll(test, count);
    // Without statistics PostgreSQL may have a poor plan for many, and the worker takes few.
    await test.dataPool.query("analyze");

    const statements = await workOff(test, () => undefined, { count });

    expect(countOf(statements, taking)).toBeLessThanOrEqual(count / 100 + 3);
    // On a quiet machine all after the tenth.
    expect(countOf(statements, takingMany)).toBeGreaterThan(0);
    expect(countOf(statements, completing)).toBeLessThanOrEqual(count / 20);
    expect(statements.length).toBeLessThanOrEqual(count / 10);
  });

  it("where every job fails at first, is a note and a start for many of them together", async () => {
    await using test = await createTestJobs();
    await enqueueAll(test);

    const statements = await workOff(test, failOnce().run);

    expect(countOf(statements, noting)).toBeLessThanOrEqual(jobCount / 20);
    expect(countOf(statements, starting)).toBeLessThanOrEqual(jobCount / 10);
  });

  it("where jobs fail in many moments, is few statements to settle and to forget them, however many moments", async () => {
    await using test = await createTestJobs();
    await enqueueAll(test);
    const failing = failOnce();
    const beganAt = performance.now();

    const statements = await workOff(test, (n) => setImmediate(n).then(failing.run), { concurrency: 2 });

    expect(countOf(statements, noting)).toBeGreaterThan(jobCount / 20);
    expect(countOf(statements, settling)).toBeLessThanOrEqual(failing.spanMs() / 20 + 5);
    expect(countOf(statements, forgetting)).toBeGreaterThan(0);
    expect(countOf(statements, forgetting)).toBeLessThanOrEqual((performance.now() - beganAt) / 100 + 3);
  });

  it("asks for the keys of jobs that plain SQL has added together, not one by one", async () => {
    await using test = await createTestJobs();
    await test.dataPool.query(
      `select count(*) from generate_series(1, $1::int) as n,
       lateral graphile_worker.add_job('t', json_build_object('n', n))`,
      [jobCount],
    );

    const statements = await workOff(test, () => undefined);

    expect(countOf(statements, asking)).toBeGreaterThan(0);
    expect(countOf(statements, asking)).toBeLessThanOrEqual(jobCount / 4);
  });
});

const taking = /limit [15]00\s+for update\s+skip locked/;
const takingMany = /limit 500\s+for update/;
const completing = /delete from "graphile_worker"\._private_jobs/;
const noting = /insert into acme_jobs\.failures/;
const settling = /graphile_worker\.reschedule_jobs/;
const starting = /update acme_jobs\.failures as note set/;
const forgetting = /delete from acme_jobs\.failures as note using/;
const asking = /from unnest\(\$1::bigint\[\]\) with ordinality as asked/;

/** Fails the first run of each job. */
function failOnce() {
  const failed = new Set<number>();
  let firstAt = NaN;
  let lastAt = NaN;
  return {
    run(n: number) {
      if (failed.has(n)) return;
      failed.add(n);
      lastAt = performance.now();
      if (Number.isNaN(firstAt)) firstAt = lastAt;
      throw new Error("fails on purpose");
    },
    /** Milliseconds between the first and the last failure. */
    spanMs: () => lastAt - firstAt,
  };
}

function countOf(statements: readonly Statement[], pattern: RegExp): number {
  return statements.filter(({ text }) => pattern.test(text)).length;
}

async function enqueueAll({ jobs }: TestJobs, count = jobCount): Promise<void> {
  await jobs.enqueueMany(
    task,
    Array.from({ length: count }, (_, n) => ({ n })),
  );
}

/** Resolves with what one worker has sent until each job was done. */
async function workOff(
  test: TestJobs,
  run: (n: number) => unknown,
  { count = jobCount, ...options }: Partial<WorkerOptions> & { readonly count?: number } = {},
): Promise<readonly Statement[]> {
  const statements = recordStatements(test.jobsPool);
  await using jobs = createJobs({ connection: test.jobsPool, logger: collectInto([]) });
  const done = new Set<number>();
  const allDone = Promise.withResolvers<void>();
  const worker = await jobs.startWorker({
    ...options,
    migrate: false,
    tasks: [
      perform(task, async ({ n }) => {
        await run(n);
        if (done.add(n).size === count) allDone.resolve();
      }),
    ],
  });
  onTestFinished(() => worker.stop({ deadlineMs: 0 }));
  await allDone.promise;
  await worker.stop();
  return statements;
}
