import { describe, expect, it } from "vitest";
import { z } from "zod";
import { recordStatements, type Statement } from "../support/recorded-statements.ts";
import { createTestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask } from "../../src/index.ts";
import { moveBatch } from "../../src/outbox/move-batch.ts";

const task = defineTask("send_receipt", { payload: z.object({ n: z.number() }) });

describe("what is sent to PostgreSQL", () => {
  it.each([
    ["beside the data", false],
    ["in another database", true],
  ])("for one job, %s, is one statement without a batch to take apart", async (_, outbox) => {
    await using test = await createTestJobs({ outbox });
    const statements = recordStatements(test.dataPool);
    await using jobs = createJobs({
      connection: outbox ? test.jobsPool : test.dataPool,
      ...(outbox && { outbox: { connection: test.dataPool } }),
    });

    await jobs.enqueue(task, { n: 1 }, { key: "k", runAt: new Date(0) });

    expect(statements).toEqual([{ text: expect.not.stringContaining("json_") as string, values: expect.anything() }]);
  });

  it.each([
    ["beside the data", false],
    ["in another database", true],
  ])("for many jobs, %s, is one statement that has their settings once", async (_, outbox) => {
    await using test = await createTestJobs({ outbox });
    const statements = recordStatements(test.dataPool);
    await using jobs = createJobs({
      connection: outbox ? test.jobsPool : test.dataPool,
      ...(outbox && { outbox: { connection: test.dataPool } }),
    });

    await jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }]);

    expect(statements).toHaveLength(1);
    expect(statements[0]?.values[0]).toSatisfy((batch: string) => batch.split(task.name).length === 2);
  });

  it("for a batch of outbox rows is ten statements, and has their settings once", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await test.jobs.enqueue(task, { n: 3 });
    const outbox = recordStatements(test.dataPool);
    const jobs = recordStatements(test.jobsPool);

    await moveBatch({ outbox: test.dataPool, jobs: test.jobsPool }, { batchSize: 1_000, waitMs: 500 });

    expect(firstWords(outbox)).toEqual(["select", "begin;", "select", "select", "delete", "commit"]);
    expect(firstWords(jobs)).toEqual(["begin;", "with", "select", "commit"]);
    expect(jobs[2]?.values[0]).toSatisfy((batch: string) => batch.split(task.name).length === 2);
  });
});

function firstWords(statements: readonly Statement[]): (string | undefined)[] {
  return statements.map(({ text }) => text.trim().split(/\s/)[0]);
}
