import { createTestJobs, type TestJobs } from "../../support/test-jobs.ts";

/** The id in the examples of the help. */
export const exampleId = "0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e";

/** Stands in every payload, so no command may print it unasked. */
export const secret = "hunter2-4711";

/** Ids of what is there. */
export const filledIds = {
  due: "0199f2c1-0000-7c44-9a51-000000000001",
  failing: "0199f2c1-0000-7c44-9a51-000000000002",
  scheduled: "0199f2c1-0000-7c44-9a51-000000000003",
  locked: "0199f2c1-0000-7c44-9a51-000000000004",
  dead: exampleId,
  otherDead: "0199f2c1-0000-7c44-9a51-000000000006",
} as const;

/** Text of strangers that would change a terminal, and a marker that shows that it was printed. */
export const hostile = "Evil\u001b[2J\u001b]0;title\u0007\r\n\u009b31m\u202eEnd";

/**
 * One job in each state, and two dead letters, all of the task `sendReceipt`.
 *
 * @param text - Stands in keys, queues and errors.
 */
export async function createFilledJobs(text = "SMTP timed out", task = "sendReceipt"): Promise<TestJobs> {
  const test = await createTestJobs();
  const add = (id: string, name: string, runAt: string) =>
    test.jobsPool.query(
      `select graphile_worker.add_job($1, $2::json, queue_name := $3, run_at := now() + $4::interval, job_key := $5,
         max_attempts := 32767, flags := array['acme:id:' || $6, 'acme:request:' || $7])`,
      [task, JSON.stringify({ secret }), `q ${name} ${text}`, runAt, `${task}:${name} ${text}`, id, `r ${text}`],
    );
  await add(filledIds.due, "due", "-1 minute");
  await add(filledIds.failing, "failing", "1 hour");
  await add(filledIds.scheduled, "scheduled", "2 hours");
  await add(filledIds.locked, "locked", "-1 minute");
  await test.jobsPool.query(`update graphile_worker._private_jobs set attempts = 1, last_error = $1 where flags ? $2`, [
    text,
    `acme:id:${filledIds.failing}`,
  ]);
  await test.jobsPool.query(
    `update graphile_worker._private_jobs set attempts = 1, locked_at = now(), locked_by = $1 where flags ? $2`,
    [`worker ${text}`, `acme:id:${filledIds.locked}`],
  );
  await test.jobsPool.query(
    `insert into acme_jobs.failures
       (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
     select id, $1, $3, 1, 'retry', $2, now(), 1, true, $4
     from graphile_worker._private_jobs where flags ? ('acme:id:' || $1)`,
    [filledIds.failing, text, task, errorsOf(text)],
  );
  for (const [id, age] of [
    [filledIds.dead, "1 hour"],
    [filledIds.otherDead, "100 days"],
  ]) {
    await test.jobsPool.query(
      `insert into acme_jobs.dead_letters
         (id, task, payload, queue, key, priority, reason, attempts, errors, enqueued_at, died_at, flags)
       values ($1, $2, $3, $4, null, 0, $4, 2, $5, now() - $6::interval, now() - $6::interval, array['acme:request:r ' || $4])`,
      [id, task, JSON.stringify({ secret }), text, errorsOf(text), age],
    );
  }
  await test.jobsPool.query(
    `insert into acme_jobs.schedules (name, task, definition, next_at, failure, seen_at)
     values ($1, $2, $3, now() - interval '1 hour', $4, now() - interval '1 day')`,
    ["nightly-report", task, scheduled, text],
  );
  return test;
}

const scheduled = JSON.stringify({
  task: "sendReceipt",
  timing: { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
  overlap: "skip",
  backfill: "latest",
  payload: "made for each tick",
});

function errorsOf(text: string): string {
  const error = { at: "2026-01-01T00:00:00.000Z", name: `Error ${text}`, message: text, durationMs: 12 };
  return JSON.stringify(
    [1, 2].map((attempt) => ({ attempt, ...error, stack: `Error: ${text}\n    at send (x.js:1)` })),
  );
}

/** Everything that a command could change, to see that it has not. */
export async function storedState({ jobsPool }: TestJobs): Promise<unknown> {
  const jobs = await jobsPool.query("select * from graphile_worker._private_jobs order by id");
  const letters = await jobsPool.query("select * from acme_jobs.dead_letters order by id");
  return { jobs: jobs.rows, letters: letters.rows };
}

/** The ids of the jobs that are in the queue. */
export async function queuedIds({ jobsPool }: TestJobs): Promise<string[]> {
  const { rows } = await jobsPool.query<{ id: string }>(
    `select substr(flag, 9) as id from graphile_worker._private_jobs, jsonb_object_keys(flags) as flag
     where flag like 'acme:id:%' order by id`,
  );
  return rows.map(({ id }) => id);
}
