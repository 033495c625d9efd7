import { describe, expect, it } from "vitest";
import { createTestDatabase } from "@acme/test-postgres";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { createTestJobs } from "../support/test-jobs.ts";

describe("the tables of a database", () => {
  it("are missing", async () => {
    await using database = await createTestDatabase();

    const findings = await examine({ jobs: database.url, outbox: database.url });

    expect(findings.map(({ what }) => what).filter((what) => what.includes("tables"))).toEqual([
      "The tables of the jobs are not in the jobs database.",
      "The tables of Graphile Worker are not in the jobs database.",
      "The tables of the outbox are not in the database of the outbox.",
    ]);
  });

  it.each([
    { whose: "of the jobs", sql: "delete from acme_jobs.migrations where part = 'jobs' and version > 2" },
    { whose: "of Graphile Worker", sql: "delete from graphile_worker.migrations where id > 18" },
  ])("are old: $whose", async ({ whose, sql }) => {
    await using test = await createTestJobs();
    await test.jobsPool.query(sql);

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["SCHEMA_OLD"]);
    expect(findingOf(findings, "SCHEMA_OLD")?.what).toContain(`The tables ${whose} in the jobs database have version`);
  });

  it("are old in the outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query("delete from acme_jobs.migrations where version > 1");

    const findings = await examine({ jobs: test.jobsUrl, outbox: test.dataUrl });

    expect(findingOf(findings, "SCHEMA_OLD")?.what).toContain(
      "of the outbox in the database of the outbox have version 1",
    );
  });

  it.each([
    { severity: "error", sql: "insert into acme_jobs.migrations values ('jobs', 99)" },
    { severity: "warning", sql: "insert into acme_jobs.migrations values ('jobs', 99, now(), true)" },
    { severity: "error", sql: "insert into graphile_worker.migrations values (99, now(), true)" },
    { severity: "warning", sql: "insert into graphile_worker.migrations values (99, now(), false)" },
  ])("are newer: $sql", async ({ severity, sql }) => {
    await using test = await createTestJobs();
    await test.jobsPool.query(sql);

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["SCHEMA_NEWER"]);
    expect(findingOf(findings, "SCHEMA_NEWER")?.severity).toBe(severity);
  });

  it("lack an index of ours and one of Graphile Worker", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query("drop index graphile_worker.jobs_main_index; drop index acme_jobs.taken_outbox");

    const findings = await examine({ jobs: test.jobsUrl, outbox: test.dataUrl });

    expect(codesOf(findings)).toEqual(["INDEX_MISSING"]);
    expect(findingOf(findings, "INDEX_MISSING")?.what).toContain(
      "acme_jobs.taken_outbox, graphile_worker.jobs_main_index",
    );
  });

  it("have an invalid index, left by a build that failed", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      "insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at) select n::text, 't', '{}', 0, 'r', 1, '[]', now() from generate_series(1, 2) as n",
    );
    const build = test.jobsPool.query("create unique index concurrently twice on acme_jobs.dead_letters (task)");
    await expect(build).rejects.toMatchObject({ code: "23505" });

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["INDEX_INVALID"]);
    expect(findingOf(findings, "INDEX_INVALID")?.what).toContain("acme_jobs.twice");
  });

  it("are unlogged, though a crash must not empty them; those of statistics may be", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("alter table acme_jobs.dead_letters set unlogged");

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["TABLE_UNLOGGED"]);
    expect(findingOf(findings, "TABLE_UNLOGGED")?.what).toContain(
      "1 of the tables that must survive a crash are unlogged: acme_jobs.dead_letters",
    );
  });

  it("have autovacuum switched off", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("alter table graphile_worker._private_jobs set (autovacuum_enabled = false)");

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["AUTOVACUUM_OFF"]);
    expect(findingOf(findings, "AUTOVACUUM_OFF")?.what).toContain("for graphile_worker._private_jobs");
  });

  it("are full of dead rows", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("alter table acme_jobs.taken set (autovacuum_enabled = false)");
    await test.jobsPool.query(
      "insert into acme_jobs.taken (id, outbox) select gen_random_uuid(), 'o' from generate_series(1, 2000)",
    );
    await test.jobsPool.query("delete from acme_jobs.taken");
    const thresholds = { deadRows: 1_000 };

    await expect
      .poll(async () => findingOf(await examine({ jobs: test.jobsUrl }, { thresholds }), "TABLE_BLOATED")?.what)
      .toContain("2,000 rows of acme_jobs.taken are dead, 100 % of the table");
  });
});
