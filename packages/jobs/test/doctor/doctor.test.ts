import { startServer } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { expectedIndexes } from "../../src/doctor/index-checks.ts";
import { examine } from "../support/examine.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe("a healthy system with traffic", () => {
  it("gives the doctor nothing to say, in two databases with a worker, jobs, rows and a dead letter", async () => {
    await using server = await startServer({ databases: ["jobs", "data"] });
    await using jobs = createJobs({
      connection: server.url("jobs"),
      outbox: { connection: server.url("data") },
      logger: collectInto([]),
    });
    await jobs.migrate();
    const ran: number[] = [];
    const work = ({ n }: { n: number }) => {
      ran.push(n);
      if (n === 7) throw new Error("no");
    };
    await jobs.startWorker({ tasks: [perform(task, work)] });
    await jobs.enqueueMany(
      task,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    );
    await jobs.enqueue(task, { n: 100 }, { queue: "q", runAt: new Date(Date.now() + 3_600_000) });
    await expect.poll(() => ran.length).toBeGreaterThanOrEqual(100);

    const findings = await examine({ jobs: server.url("jobs"), outbox: server.url("data") });

    expect(findings).toEqual([]);
  });
});

describe("the list of indexes", () => {
  it("names all that a migrated database has", async () => {
    await using test = await createTestJobs({ outbox: true });
    const sql = `select schemaname || '.' || indexname as name from pg_indexes
      where schemaname in ('acme_jobs', 'graphile_worker') order by 1`;

    const jobs = await test.jobsPool.query<{ name: string }>(sql);
    const outbox = await test.dataPool.query<{ name: string }>(sql);

    expect(expectedIndexes("jobs").toSorted()).toEqual(jobs.rows.map(({ name }) => name).toSorted());
    expect(expectedIndexes("outbox").toSorted()).toEqual(outbox.rows.map(({ name }) => name).toSorted());
  });
});
