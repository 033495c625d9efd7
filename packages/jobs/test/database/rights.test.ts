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

  it.each([
    { how: "shows every row", policy: "for all using (true) with check (true)", isRefused: false },
    { how: "is for reading only", policy: "for select using (true)", isRefused: true },
    { how: "shows some rows", policy: "for all using (id > 10)", isRefused: true },
    { how: "lets it add some rows", policy: "for all using (true) with check (id > 10)", isRefused: true },
    {
      how: "is beside a restrictive one",
      policy: "for all using (true)",
      restrictive: "using (id > 10)",
      isRefused: true,
    },
    { how: "is for another role", policy: "for all to pg_monitor using (true)", isRefused: true },
  ])("and has a policy that $how: refused is $isRefused", async ({ policy, restrictive, isRefused }) => {
    await using test = await createTestJobs();
    const connection = await createUser(test);
    for (const table of ["_private_jobs", "_private_job_queues", "_private_tasks"]) {
      await test.jobsPool.query(`create policy p on graphile_worker.${table} ${policy}`);
      if (restrictive) {
        await test.jobsPool.query(`create policy r on graphile_worker.${table} as restrictive ${restrictive}`);
      }
    }
    const jobs = createJobs({ connection, logger: collectInto([]) });
    onTestFinished(() => jobs.close());

    const starting = jobs.startWorker({ tasks: [perform(task, () => undefined)] }).then(
      () => "started",
      (error: unknown) => (error as { code: unknown }).code,
    );

    expect(await starting).toBe(isRefused ? "JOBS_DATABASE_REFUSED" : "started");
  });
});
