import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineTask, perform } from "../../src/index.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("receipt", { payload: z.object({ n: z.number() }) });

/** A worker that the registry shows, as another process has written it. */
async function register(
  test: TestJobs,
  given: { tasks?: string[]; version?: string; age?: string; started?: string } = {},
) {
  const { tasks, version = "1.0.0", age = "0 s", started = "1 day" } = given;
  const about = tasks && { host: "web", pid: 1, version, node: "26", concurrency: 1, tasks };
  await test.jobsPool.query(
    `insert into acme_jobs.workers (pool_id, started_at, heartbeat_at, about)
     values (gen_random_uuid()::text, now() - $1::interval, now() - $2::interval, $3)`,
    [started, age, about === undefined ? null : JSON.stringify(about)],
  );
}

const know = (test: TestJobs, name: string, age: string) =>
  test.jobsPool.query("insert into acme_jobs.tasks values ($1, now() - $2::interval)", [name, age]);

const dueSince = (ms: number) => ({ runAt: new Date(Date.now() - ms) });
const minuteMs = 60_000;

describe("jobs that are due", () => {
  it("have no worker: none is alive", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, dueSince(14 * minuteMs));
    await know(test, "receipt", "15 minutes");

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["NO_WORKER_FOR_TASK"]);
    expect(findingOf(findings, "NO_WORKER_FOR_TASK")).toMatchObject({
      severity: "error",
      what: '1 job of task "receipt" is due, the oldest for 14 min, and no living worker runs this task; one last said so 15 min ago.',
      command: "acme-jobs worker",
    });
  });

  it("have no worker: those that live run other tasks, and the one that ran it is dead", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, dueSince(3 * minuteMs));
    await know(test, "receipt", "2 minutes");
    await register(test, { tasks: ["other"] });
    await register(test, { tasks: ["receipt"], age: "2 minutes" });

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual(["NO_WORKER_FOR_TASK"]);
  });

  it("have a worker of an older version, which says nothing about itself", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, dueSince(3 * minuteMs));
    await know(test, "receipt", "2 minutes");
    await register(test);

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual([]);
  });

  it("have a worker that was busy for a while: its heartbeat is old, and its lock is held", async () => {
    await using test = await createTestJobs();
    const end = Promise.withResolvers<void>();
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }], dueSince(3 * minuteMs));
    await test.jobs.startWorker({ tasks: [perform(task, () => end.promise)], concurrency: 1, prefetch: 0 });
    await vi.waitFor(async () => {
      const { rows } = await test.jobsPool.query(
        `select from acme_jobs.tasks where exists (select from graphile_worker.jobs where locked_at is not null)
           and exists (select from acme_jobs.workers)`,
      );
      expect(rows).toHaveLength(1);
    });

    const findings = await examine({ jobs: test.jobsUrl }, { thresholds: { deadWorkerMs: 0 } });
    end.resolve();

    expect(codesOf(findings)).toEqual([]);
  });

  it("wait too long although a worker runs their task", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }], dueSince(6 * minuteMs));
    await register(test, { tasks: ["receipt"] });

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["OLDEST_DUE_TOO_OLD"]);
    expect(findingOf(findings, "OLDEST_DUE_TOO_OLD")?.what).toBe(
      '2 jobs of task "receipt" are due, and the oldest has waited for 6 min.',
    );
    expect(codesOf(await examine({ jobs: test.jobsUrl }, { thresholds: { oldestDueMs: 7 * minuteMs } }))).toEqual([]);
  });

  it("are of a task that nobody knows, also if their time is yet to come", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select graphile_worker.add_job($1, run_at := now() + interval '1 minute')", [
      "od'd\u001b[2J",
    ]);
    await register(test, { tasks: ["receipt"] });

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["TASK_UNKNOWN"]);
    expect(findingOf(findings, "TASK_UNKNOWN")?.what).toContain(`1 job (0 due, 1 scheduled) of task "od'd?[2J"`);
    expect(findingOf(findings, "TASK_UNKNOWN")?.command).toBe(String.raw`acme-jobs jobs list --task 'od'\''d?[2J'`);
  });

  it("are taken from the last sample, if it is fresh", async () => {
    await using test = await createTestJobs();
    await register(test, { tasks: ["receipt"] });
    await test.jobsPool.query(
      `delete from acme_jobs.sampler;
       insert into acme_jobs.sampler (due_at, sampled_at, fresh_until) values (now(), now(), now() + interval '1 minute');
       delete from acme_jobs.samples;
       insert into acme_jobs.samples values ('receipt', 1204, 0, 0, 0, now() - interval '14 minutes')`,
    );
    const sampled = await examine({ jobs: test.jobsUrl });
    await test.jobsPool.query("update acme_jobs.sampler set fresh_until = now()");

    expect(findingOf(sampled, "OLDEST_DUE_TOO_OLD")?.what).toContain(
      '1,204 jobs of task "receipt" are due, and the oldest has waited for 14 min',
    );
    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual([]);
  });
});

describe("dead letters", () => {
  it("grow: they are told by task, with the name of the most frequent error and without its text", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at, died_at)
       select n::text, case when n = 1 then 'other' else 'mail' end, '{"card": "4111"}', 0, 'secret text', 1,
         jsonb_build_array(jsonb_build_object('name', case when n > 3 then 'MailerError' else 'TypeError' end, 'message', 'secret text')),
         now(), now() - interval '10 minutes'
       from generate_series(1, 31) as n`,
    );

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["DEAD_LETTERS_GROW"]);
    expect(findings.find(({ code }) => code === "DEAD_LETTERS_GROW")).toMatchObject({
      what: '31 jobs have become dead letters in the last 10 min: 30 of "mail", 1 of "other"; the most frequent last error of "mail" is "MailerError".',
      command: "acme-jobs dead list --task mail",
    });
    expect(JSON.stringify(findings)).not.toMatch(/secret text|4111/);
  });

  it("of long ago, or a few, are no news", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at, died_at)
       select n::text, 't', '{}', 0, 'r', 1, '[]', now(), now() - case when n > 9 then interval '2 hours' else interval '0' end
       from generate_series(1, 100) as n`,
    );

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual([]);
  });
});

describe("workers of several versions", () => {
  it("are reported when the youngest has run for a while, also beside one that says nothing about itself", async () => {
    await using test = await createTestJobs();
    await register(test, { tasks: [], version: "1.2.0", started: "20 minutes" });
    await register(test, { tasks: [], version: "1.2.0", started: "2 days" });
    await register(test);
    const mixed = await examine({ jobs: test.jobsUrl });
    await register(test, { tasks: [], version: "1.3.0", started: "1 minute" });
    const deploying = await examine({ jobs: test.jobsUrl });

    expect(codesOf(mixed)).toEqual(["VERSIONS_MIXED"]);
    expect(findingOf(mixed, "VERSIONS_MIXED")?.what).toContain("for 20 min: ");
    expect(findingOf(mixed, "VERSIONS_MIXED")?.what).toMatch(/2 of 1\.2\.0.*|1 of an older version/);
    expect(codesOf(deploying)).toEqual([]);
  });
});
