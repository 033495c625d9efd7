import { createTestDatabase, startProxy, type Proxy } from "@acme/test-postgres";
import { Client, Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { withQueryTimeout } from "../../src/database/query-timeout.ts";
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

describe("a start behind a firewall that forgets connections in the middle of it", () => {
  it.each(["to_regclass('graphile_worker.migrations')", "pg_backend_pid() as pid"])(
    "goes on by itself, whatever it was asking: %s",
    { timeout },
    async (question) => {
      await using test = await createTestJobs();
      await using proxy = await startProxy(test.jobsUrl);
      const pool = new Pool({ connectionString: proxy.url });
      await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
      onTestFinished(() => pool.end());
      const asked = forgetOnce(question, proxy);
      const ran: number[] = [];
      await test.jobs.enqueue(task, { n: 1 });

      await jobs.startWorker({ tasks: [perform(task, ({ n }) => void ran.push(n))] });

      await expect.poll(() => ran, withinTime).toEqual([1]);
      expect(asked()).toBe(true);
    },
  );
});

describe("a query behind a firewall that has forgotten the open connections", () => {
  it("gives those connections up in time, and leaves the pool usable", { timeout }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    // Jobs with a named queue share no statement, so that these open many connections.
    await Promise.all(Array.from({ length: 60 }, (_, n) => jobs.enqueue(task, { n }, { queue: `q${n}` })));
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
  it("is cancelled on the server, where it would go on waiting for a lock", async () => {
    await using database = await createTestDatabase();
    const [pool, holder] = [new Pool({ connectionString: database.url }), await database.pool().connect()];
    await holder.query("create table held (id int)");
    await holder.query("begin; lock table held in access exclusive mode");
    const waiting = () =>
      holder.query(
        "select query from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );

    const answers = await Promise.allSettled(
      [1, 2, 3].map((n) => withQueryTimeout(pool, 300).query("select id from held where id = $1", [n])),
    );

    expect(answers).toMatchObject(
      [1, 2, 3].map(() => ({ status: "rejected", reason: { message: "Query read timeout" } })),
    );
    await expect.poll(async () => (await waiting()).rows).toEqual([]);
    await holder.query("rollback");
    holder.release();
    expect((await withQueryTimeout(pool).query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

/** Forgets all connections as soon as one is asked that, and says whether that was so. */
function forgetOnce(question: string, proxy: Proxy): () => boolean {
  // oxlint-disable-next-line typescript/unbound-method -- called with its object
  const { query } = Client.prototype;
  let isForgotten = false;
  Client.prototype.query = function forgetAndSend(this: Client, ...args: Parameters<typeof query>) {
    const [statement] = args as unknown as [string | { readonly text: string }];
    const text = typeof statement === "string" ? statement : statement.text;
    if (!isForgotten && this.port === Number(new URL(proxy.url).port) && text.includes(question)) {
      isForgotten = true;
      proxy.forgetAll();
    }
    return query.apply(this, args) as unknown;
  } as typeof query;
  onTestFinished(() => void (Client.prototype.query = query));
  return () => isForgotten;
}
