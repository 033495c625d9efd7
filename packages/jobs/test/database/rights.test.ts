import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

/** A user who has every right on the tables, but does not own them. */
async function createUser(test: TestJobs, attributes = ""): Promise<string> {
  const name = `user_${randomBytes(4).toString("hex")}`;
  await test.jobsPool.query(`create role ${name} login password 'x' ${attributes}`);
  for (const schema of ["graphile_worker", "acme_jobs"]) {
    await test.jobsPool.query(`
      grant all on schema ${schema} to ${name};
      grant all on all tables in schema ${schema} to ${name};
      grant all on all sequences in schema ${schema} to ${name};
      grant all on all functions in schema ${schema} to ${name}`);
  }
  const url = new URL(test.jobsUrl);
  url.username = name;
  url.password = "x";
  return url.href;
}

describe("a worker whose user has every right on the tables", () => {
  it.each([true, false])(
    "and does not own them is refused, since it would see no job (migrate: %s)",
    async (migrate) => {
      await using test = await createTestJobs();
      await test.jobs.enqueue(task, { n: 1 });
      const jobs = createJobs({ connection: await createUser(test), logger: collectInto([]) });
      onTestFinished(() => jobs.close());

      const starting = jobs.startWorker({ tasks: [perform(task, () => undefined)], migrate });

      await expect(starting).rejects.toMatchObject({ code: "JOBS_DATABASE_REFUSED" });
      await expect(starting).rejects.toThrow("BYPASSRLS");
    },
  );

  it("and bypasses row level security runs its jobs", async () => {
    await using test = await createTestJobs();
    const jobs = createJobs({ connection: await createUser(test, "bypassrls"), logger: collectInto([]) });
    onTestFinished(() => jobs.close());
    const ran: number[] = [];
    await jobs.enqueue(task, { n: 1 });

    await jobs.startWorker({ tasks: [perform(task, ({ n }) => void ran.push(n))], migrate: false });

    await expect.poll(() => ran).toEqual([1]);
  });
});
