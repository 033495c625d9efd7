import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { pgBouncerProgram, startPgBouncer } from "../support/pgbouncer.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe.skipIf(pgBouncerProgram === undefined)("a worker through PgBouncer", () => {
  it.each([true, false])("is refused in transaction mode before it fetches a job (migrate: %s)", async (migrate) => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.jobsUrl);
    await using jobs = createJobs({ connection: bouncer.url, logger: collectInto([]) });
    await jobs.enqueue(task, { n: 1 });

    const starting = jobs.startWorker({ tasks: [perform(task, () => undefined)], migrate });

    await expect(starting).rejects.toMatchObject({ code: "POOLER_UNSUPPORTED" });
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "t", attempts: 0 }]);
  });

  it("is refused in transaction mode while others use the same sessions all the time", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.jobsUrl);
    await using neighbours = openPool(bouncer.url);
    await using _ = keepBusy(neighbours);

    for (let round = 0; round < 20; round += 1) {
      await using jobs = createJobs({ connection: bouncer.url, logger: collectInto([]) });
      await expect(jobs.startWorker({ tasks: [perform(task, () => undefined)] })).rejects.toMatchObject({
        code: "POOLER_UNSUPPORTED",
      });
    }
  });

  it("works in session mode", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.jobsUrl, { poolMode: "session", sessionCount: 30 });
    await using jobs = createJobs({ connection: bouncer.url, logger: collectInto([]) });
    const performed = Promise.withResolvers<number>();

    await jobs.startWorker({ tasks: [perform(task, ({ n }) => performed.resolve(n))] });
    await jobs.enqueue(task, { n: 1 });

    expect(await performed.promise).toBe(1);
  });
});

/** Two clients that ask one thing after the other. */
function keepBusy(pool: Pool): AsyncDisposable {
  const over = new AbortController();
  const ask = async () => {
    while (!over.signal.aborted) await pool.query("select 1");
  };
  const asking = Promise.all([ask(), ask()]);
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await asking;
    },
  };
}

function openPool(url: string): Pool & AsyncDisposable {
  const pool = new Pool({ connectionString: url });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}
