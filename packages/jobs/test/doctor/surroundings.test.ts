import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineTask } from "../../src/index.ts";
import { createDoctor } from "../../src/doctor/doctor.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { pgBouncerProgram, startPgBouncer } from "../support/pgbouncer.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("receipt", { payload: z.object({ n: z.number() }) });

describe("an outbox", () => {
  const age = (test: TestJobs) =>
    test.dataPool.query("update acme_jobs.outbox set created_at = now() - interval '5 minutes'");

  it("does not drain, and nobody listens", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 });
    const fresh = await examine({ jobs: test.jobsUrl, outbox: test.dataUrl });
    await age(test);
    const old = await examine({ jobs: test.jobsUrl, outbox: test.dataUrl });

    expect(codesOf(fresh)).toEqual([]);
    expect(codesOf(old)).toEqual(["OUTBOX_NOT_DRAINING"]);
    expect(findingOf(old, "OUTBOX_NOT_DRAINING")).toMatchObject({
      severity: "error",
      what: "1 row waits in the outbox, the oldest for 5 min; no relay listens.",
      command: "acme-jobs worker",
    });
  });

  it("does not drain although a relay listens: the jobs database refuses what it needs", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 });
    await age(test);
    await test.jobsPool.query("alter table acme_jobs.taken rename to taken_away");
    test.jobs.startRelay();

    await expect
      .poll(async () => findingOf(await examine({ outbox: test.dataUrl }), "OUTBOX_NOT_DRAINING")?.what)
      .toBe("1 row waits in the outbox, the oldest for 5 min; 1 relay listens.");
  });

  it("in the database of the jobs is examined once", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`,
    );

    const apart = await examine({ jobs: test.dataUrl, outbox: test.jobsUrl });
    const together = await examine({ jobs: test.dataUrl, outbox: test.dataUrl });

    expect(codesOf(apart).filter((code) => code === "SERVER_READ_ONLY")).toHaveLength(1);
    expect(codesOf(together).filter((code) => code === "SERVER_READ_ONLY")).toHaveLength(1);
  });
});

describe("clocks", () => {
  const shift = (pool: TestJobs["jobsPool"], by: string) =>
    pool.query(
      `create schema shifted;
       create function shifted.clock_timestamp() returns timestamptz language sql as
         $$select pg_catalog.clock_timestamp() + interval '${by}'$$;
       do $$ begin execute format('alter database %I set search_path = shifted, pg_catalog', current_database()); end $$`,
    );

  it("of the jobs database and of this process are apart", async () => {
    await using test = await createTestJobs();
    await shift(test.jobsPool, "1 hour");

    const findings = await examine({ jobs: test.jobsUrl });

    expect(findingOf(findings, "CLOCK_SKEW")?.what).toMatch(
      /^The clock of the jobs database is (60|59) min ahead of that of this process\.$/,
    );
  });

  it("of two servers are compared with each other", async () => {
    await using test = await createTestJobs({ outbox: true });
    const { compareClocks } = await import("../../src/doctor/clock-checks.ts");
    const { openTarget } = await import("../../src/doctor/open-target.ts");
    const { defaultThresholds } = await import("../../src/doctor/thresholds.ts");
    await shift(test.dataPool, "-20 seconds");
    await using jobs = openTarget("jobs", test.jobsPool, defaultThresholds);
    await using outbox = openTarget("outbox", test.dataPool, defaultThresholds);

    const [found] = await compareClocks(jobs, outbox);

    expect(found?.what).toMatch(
      /^The clock of the jobs database is (19|20) s ahead of that of the database of the outbox\.$/,
    );
  });
});

describe.skipIf(pgBouncerProgram === undefined)("a pooler", () => {
  it("that shares sessions is found, and one that does not is no matter", async () => {
    await using test = await createTestJobs();
    await using sharing = await startPgBouncer(test.jobsUrl);
    await using keeping = await startPgBouncer(test.jobsUrl, { poolMode: "session", sessionCount: 10 });

    expect(codesOf(await examine({ jobs: sharing.url }))).toEqual(["SESSIONS_SHARED"]);
    expect(codesOf(await examine({ jobs: keeping.url }))).toEqual([]);
  });
});

describe("a check that does not answer", () => {
  it("says so, takes two seconds, and hides no other", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("drop index acme_jobs.taken_outbox");
    const locker = await test.jobsPool.connect();
    await locker.query("begin; lock table acme_jobs.workers, acme_jobs.dead_letters");
    await test.jobs.enqueue(task, { n: 1 });

    const startedAt = performance.now();
    const findings = await examine({ jobs: test.jobsUrl });
    const tookMs = performance.now() - startedAt;
    locker.release(true);

    expect(codesOf(findings).toSorted()).toEqual(
      [...Array<string>(3).fill("CHECK_FAILED"), "INDEX_MISSING"].toSorted(),
    );
    expect(findings.map(({ what }) => what)).toContain(
      "The check of dead letters in the jobs database did not succeed (no answer in time).",
    );
    expect(tookMs).toBeLessThan(15_000);
  });

  it("leaves no statement behind on the server", async () => {
    await using test = await createTestJobs();
    const locker = await test.jobsPool.connect();
    await locker.query("begin; lock table acme_jobs.dead_letters");

    await examine({ jobs: test.jobsUrl });

    await vi.waitFor(async () => {
      const { rows } = await test.jobsPool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      expect(rows).toHaveLength(0);
    });
    locker.release(true);
  });
});

describe("the doctor", () => {
  it("refuses options and thresholds that do not exist or are out of range", async () => {
    const doctor = createDoctor({ jobs: undefined, outbox: undefined });

    await expect(doctor({ fixx: true } as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    await expect(doctor({ thresholds: { oldestDue: 1 } as never })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    await expect(doctor({ thresholds: { connectionShare: 85 } })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });

  it("opens at most three connections, and leaves none", async () => {
    await using test = await createTestJobs();

    await examine({ jobs: test.jobsUrl });

    await expect
      .poll(async () => {
        const { rows } = await test.jobsPool.query(
          "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
        return rows.length;
      })
      .toBe(0);
  });
});
