import { createTestDatabase, startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { impatient } from "../../src/database/impatient.ts";
import { collectInto, createTestJobs, outboxCount, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
/** Some statements are given half a minute, one after the other on two sides. */
const timeout = 110_000;
const withinTime = { timeout: 90_000 };

describe("behind a firewall that has forgotten the connections that were open", () => {
  it("a relay goes on, whichever side it was", { timeout }, async () => {
    for (const side of ["jobs", "data"] as const) {
      await using test = await createTestJobs({ outbox: true });
      await using toJobs = await startProxy(test.jobsUrl);
      await using toData = await startProxy(test.dataUrl);
      await using jobs = createJobs({
        connection: toJobs.url,
        outbox: { connection: toData.url },
        logger: collectInto([]),
      });
      jobs.startRelay({ pollIntervalMs: 100 });
      await test.jobs.enqueue(task, { n: 1 });
      await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

      (side === "jobs" ? toJobs : toData).forgetAll();
      await test.jobs.enqueue(task, { n: 2 });

      await expect.poll(() => outboxCount(test.dataPool), withinTime).toBe(0);
      expect(await storedJobs(test.jobsPool)).toHaveLength(2);
    }
  });

  it("a worker writes what became of its jobs, and its named queue goes on", { timeout }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const begun: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [
        perform(task, ({ n }) => {
          begun.push(n);
          if (n === 1) proxy.forgetAll();
        }),
      ],
    });
    for (const n of [1, 2]) await test.jobs.enqueue(task, { n }, { queue: "q" });

    await expect.poll(() => storedJobs(test.jobsPool), withinTime).toEqual([]);

    expect(begun).toEqual([1, 2]);
    await expect.poll(() => worker.state).toBe("running");
  });
});

describe("whoever asks behind a firewall that has forgotten the connections that were open", () => {
  it("gives them up in time, and leaves the pool to others", { timeout }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    await Promise.all(Array.from({ length: 60 }, (_, n) => jobs.enqueue(task, { n })));
    proxy.forgetAll();

    const letters = jobs.deadLetters.list();
    const answers = await Promise.all(Array.from({ length: 12 }, () => jobs.health()));
    await jobs.enqueue(task, { n: 60 });

    expect(answers[0]?.jobsDatabase).toBe("down");
    expect(await jobs.health()).toMatchObject({ jobsDatabase: "up" });
    await expect(letters).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });
});

describe("a statement that is not answered in time", () => {
  it("is called off in the server, where it would go on to wait for a lock", async () => {
    await using database = await createTestDatabase();
    const [pool, holder] = [new Pool({ connectionString: database.url }), await database.pool().connect()];
    await holder.query("create table held (id int)");
    await holder.query("begin; lock table held in access exclusive mode");
    const waiting = () =>
      holder.query(
        "select query from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );

    const answers = await Promise.allSettled(
      [1, 2, 3].map((n) => impatient(pool, 300).query("select id from held where id = $1", [n])),
    );

    expect(answers).toMatchObject(
      [1, 2, 3].map(() => ({ status: "rejected", reason: { message: "Query read timeout" } })),
    );
    await expect.poll(async () => (await waiting()).rows).toEqual([]);
    await holder.query("rollback");
    holder.release();
    expect((await impatient(pool).query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
