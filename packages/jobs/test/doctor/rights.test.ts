import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

/** A role that may see everything, and then what the test grants or revokes. */
async function createUser(test: TestJobs, sql: string): Promise<string> {
  const name = `user_${randomBytes(4).toString("hex")}`;
  await test.jobsPool.query(`
    create role ${name} login password 'x';
    grant usage on schema graphile_worker, acme_jobs to ${name};
    grant select on all tables in schema acme_jobs to ${name};
    grant select on graphile_worker.jobs, graphile_worker.migrations, graphile_worker._private_job_queues to ${name};
    create policy all_rows on graphile_worker._private_job_queues to ${name} using (true);
    ${sql.replaceAll("NAME", name)}`);
  const url = new URL(test.jobsUrl);
  url.username = name;
  url.password = "x";
  return url.href;
}

describe("the role that asks the doctor", () => {
  it("may only read, which is enough for it", async () => {
    await using test = await createTestJobs();

    expect(codesOf(await examine({ jobs: await createUser(test, "") }))).toEqual([]);
  });

  it.each([
    {
      sql: "revoke select on graphile_worker.jobs from NAME",
      lacks: "a right to see what is in the queue: SELECT on graphile_worker.jobs",
    },
    {
      sql: "revoke select on acme_jobs.failures, acme_jobs.tasks from NAME",
      lacks: "2 rights to see what is in the queue: SELECT on acme_jobs.",
    },
    {
      sql: "revoke usage on schema acme_jobs from NAME",
      lacks: "11 rights to see what is in the queue: SELECT on acme_jobs.",
    },
    {
      sql: "revoke usage on schema graphile_worker from NAME",
      lacks: "3 rights to see what is in the queue: SELECT on graphile_worker.",
    },
    {
      sql: "grant select, insert on graphile_worker._private_jobs to NAME; create policy p on graphile_worker._private_jobs to NAME using (true)",
      lacks: "4 rights to enqueue: UPDATE on graphile_worker._private_jobs",
    },
    {
      sql: "grant all on graphile_worker._private_jobs, graphile_worker._private_tasks, graphile_worker._private_job_queues to NAME; grant insert, update, delete on all tables in schema acme_jobs to NAME; revoke insert on acme_jobs.workers from NAME; revoke delete on graphile_worker._private_jobs from NAME; alter role NAME bypassrls",
      lacks: "a right to act: DELETE on graphile_worker._private_jobs",
    },
  ])("lacks rights, which is told once: $sql", async ({ sql, lacks }) => {
    await using test = await createTestJobs();

    const findings = await examine({ jobs: await createUser(test, sql) });

    expect(new Set(codesOf(findings))).toEqual(new Set(["RIGHTS_MISSING"]));
    expect(findingOf(findings, "RIGHTS_MISSING")?.what).toContain(lacks);
    const told = findings.flatMap(({ what }) => what.match(/[A-Z]+ on [\w.]+/g) ?? []);
    expect(told).toEqual([...new Set(told)]);
  });

  it("sees no row that it may read", async () => {
    await using test = await createTestJobs();
    const url = await createUser(test, "drop policy all_rows on graphile_worker._private_job_queues");

    const findings = await examine({ jobs: url });

    expect(codesOf(findings)).toEqual(["ROWS_HIDDEN"]);
    expect(findingOf(findings, "ROWS_HIDDEN")?.what).toContain("hides all rows of _private_job_queues");
  });

  it("lacks a right in the outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    const name = `user_${randomBytes(4).toString("hex")}`;
    await test.dataPool.query(
      `create role ${name} login password 'x'; grant usage on schema acme_jobs to ${name};
       grant select on all tables in schema acme_jobs to ${name}; grant delete on acme_jobs.outbox to ${name}`,
    );
    const url = new URL(test.dataUrl);
    url.username = name;
    url.password = "x";

    const findings = await examine({ outbox: url.href });

    expect(codesOf(findings)).toEqual(["RIGHTS_MISSING"]);
    expect(findingOf(findings, "RIGHTS_MISSING")?.what).toContain(
      "In the database of the outbox, the role that asks lacks a right to move rows: UPDATE on acme_jobs.outbox",
    );
  });
});
