import { startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, type LogLine, type TestJobs } from "../support/test-jobs.ts";
import { readTaskMinutes } from "../../src/admin/task-minutes.ts";
import { createMinuteFlush } from "../../src/statistics/flush-minutes.ts";
import { MinuteCounts } from "../../src/statistics/minute-counts.ts";
import { addToMinute, purgeMinutes } from "../../src/statistics/minutes-table.ts";
import { createJobs, perform, snooze } from "../../src/index.ts";

describe("a worker that stops", () => {
  it("has written what became of each attempt until then, and nothing of those that were put off", async () => {
    await using test = await createTestJobs();
    let isPutOff = false;
    const worker = await test.jobs.startWorker({
      tasks: [
        perform(killable, ({ n }) => {
          if (n === 1) throw new Error("on purpose");
          if (n !== 2 || isPutOff) return;
          isPutOff = true;
          snooze(1);
        }),
        perform(single, () => undefined),
      ],
    });
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => leftCount(test), { timeout: 10_000 }).toBe(0);

    await worker.stop();

    expect(await totals(test)).toEqual({
      killable: { done: 2, failed: 3, dead: 1, ran: 5, waited: expect.any(Number) },
      single: { done: 1, failed: 0, dead: 0, ran: 1, waited: 1 },
    });
  });

  it("is held up by a network that has gone silent for a moment only", { timeout: 30_000 }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: proxy.url });
    pool.on("error", () => undefined);
    onTestFinished(() => void pool.end());
    const counts = new MinuteCounts(["t"]);
    const { flushLast } = createMinuteFlush({ pool, counts, logger: collectInto([]) });
    await pool.query("select");
    counts.attemptDone("t", 1, 1);
    proxy.goSilent();
    const beganAt = performance.now();

    await flushLast();

    expect(performance.now() - beganAt).toBeLessThan(1_500);
    proxy.cutAll();
  });
});

describe("workers with the same tasks", () => {
  it("add up what they have counted in a minute", async () => {
    await using test = await createTestJobs();
    const tasks = Array.from({ length: 20 }, (_, n) => `t${n}`);
    const flushes = Array.from({ length: 4 }, (_, worker) => {
      // Each has its tasks in another order.
      const counts = new MinuteCounts(worker % 2 === 0 ? tasks : tasks.toReversed());
      return { counts, ...createMinuteFlush({ pool: test.jobsPool, counts, logger: collectInto(test.log) }) };
    });

    for (let round = 0; round < 10; round += 1) {
      for (const { counts } of flushes) for (const task of tasks) counts.attemptDone(task, 5, 100);
      await Promise.all(flushes.map(({ flush }) => flush()));
    }

    const sums = Object.values(await totals(test));
    expect(sums).toEqual(tasks.map(() => ({ done: 40, failed: 0, dead: 0, ran: 40, waited: 40 })));
    expect(test.log).toEqual([]);
  });

  it("add to the histograms of a version that has more buckets, and lose none of them", async () => {
    await using test = await createTestJobs();
    const counted = { task: "t", done: 1, failed: 0, dead: 0 };

    await addToMinute(test.jobsPool, [{ ...counted, runCounts: [1, 2, 3], waitCounts: [] }]);
    await addToMinute(test.jobsPool, [{ ...counted, runCounts: [1], waitCounts: [7] }]);

    expect(await totals(test)).toMatchObject({ t: { done: 2, ran: 7, waited: 7 } });
  });
});

describe("counts that could not be written", () => {
  it("are kept for the next time, which is worth no more than a line for debugging", async () => {
    await using test = await createTestJobs();
    const log: LogLine[] = [];
    const counts = new MinuteCounts(["t"]);
    const { flush } = createMinuteFlush({ pool: test.jobsPool, counts, logger: collectInto(log) });
    await test.jobsPool.query("alter table acme_jobs.minutes rename to gone");
    counts.attemptDone("t", 1, 1);
    await flush();
    counts.attemptDone("t", 1, 1);
    await flush();

    await test.jobsPool.query("alter table acme_jobs.gone rename to minutes");
    await flush();

    expect(await totals(test)).toMatchObject({ t: { done: 2, ran: 2, waited: 2 } });
    expect(log.map(({ level }) => level)).toEqual(["debug", "debug"]);
  });

  it("do not end a worker, nor make it look unwell", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("drop table acme_jobs.minutes, acme_jobs.samples, acme_jobs.sampler");
    const ran: number[] = [];
    const worker = await test.jobs.startWorker({
      tasks: [perform(killable, ({ n }) => void ran.push(n))],
      migrate: false,
      giveUpAfterMs: 1_000,
    });
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);
    await expect.poll(() => messagesAt(test, "debug")).toContain("no sample of the queue could be taken");

    await expect.poll(() => worker.state).toBe("running");
    await worker.stop();

    expect(messagesAt(test, "debug")).toContain("statistics could not be written");
    expect([...messagesAt(test, "warn"), ...messagesAt(test, "error")]).toEqual([]);
  });
});

describe("a worker without statistics", () => {
  it("sends no statement for them", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl });
    const statements = recordStatements(pool);
    const jobs = createJobs({ connection: pool, logger: collectInto([]) });
    onTestFinished(async () => {
      await jobs.close();
      await pool.end();
    });
    const ran: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(killable, ({ n }) => void ran.push(n))],
      statistics: false,
      migrate: false,
    });
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);
    await worker.stop();

    const about = statements.filter(({ text }) => /acme_jobs\.(?:minutes|samples|sampler)/.test(text));
    expect([about, await totals(test)]).toEqual([[], {}]);
  });

  it.each([null, 1, "no"])("is asked for with true or false, not with %o", async (statistics) => {
    await using test = await createTestJobs();

    const started = test.jobs.startWorker({ tasks: [perform(killable, () => undefined)], statistics } as never);

    await expect(started).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});

describe("minutes of more than eight hours ago", () => {
  it("are removed, and no others", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `insert into acme_jobs.minutes select date_trunc('minute', now()) - n * interval '1 minute', 't', n, 0, 0, '{}', '{}'
       from unnest(array[0, 479, 482, 900]) as n`,
    );

    await purgeMinutes(test.jobsPool);

    const { rows } = await test.jobsPool.query("select done from acme_jobs.minutes order by done");
    expect(rows).toEqual([{ done: 0 }, { done: 479 }]);
  });
});

describe("how long a job has waited", () => {
  it.each([100, 0])(
    "counts from when it was due, but not from before it was there (prefetch: %i)",
    async (prefetch) => {
      await using test = await createTestJobs();
      await test.jobs.enqueue(killable, { n: 1 }, { runAt: new Date(0) });
      await test.jobsPool.query(
        `select graphile_worker.add_job('single', '{"n":1}', run_at := now() - interval '100 seconds')`,
      );

      const worker = await test.jobs.startWorker({
        tasks: [perform(killable, () => undefined), perform(single, () => undefined)],
        prefetch,
      });
      await expect.poll(() => leftCount(test)).toBe(0);
      await worker.stop();

      const minutes = await readTaskMinutes(test.jobsPool);
      const longest = Object.fromEntries(
        minutes.map(({ task, waitCounts }) => [task, waitCounts.findLastIndex(Boolean)]),
      );
      // From 65 to 131 seconds.
      expect(longest["single"]).toBe(17);
      expect(longest["killable"]).toBeLessThan(15);
    },
  );
});

async function leftCount({ jobsPool }: TestJobs): Promise<number> {
  const { rowCount } = await jobsPool.query("select from graphile_worker.jobs");
  return rowCount ?? 0;
}

function messagesAt({ log }: TestJobs, wanted: LogLine["level"]): string[] {
  return log.filter(({ level }) => level === wanted).map(({ message }) => message);
}

/** Of all minutes, because a test may run over the end of one. */
async function totals({ jobsPool }: TestJobs) {
  const { rows } = await jobsPool.query<{ task: string }>(
    `select task, sum(done)::int as done, sum(failed)::int as failed, sum(dead)::int as dead,
       sum((select sum(n) from unnest(run_counts) as n))::int as ran,
       sum((select sum(n) from unnest(wait_counts) as n))::int as waited
     from acme_jobs.minutes group by task order by task collate "C"`,
  );
  return Object.fromEntries(rows.map(({ task, ...row }) => [task, row]));
}
