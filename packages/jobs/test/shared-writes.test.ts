import { terminateBackends } from "@acme/test-postgres";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTask } from "../src/index.ts";
import { shareWrites } from "../src/shared-writes.ts";
import { createTestJobs, outboxCount, storedJobs } from "./support/test-jobs.ts";

const task = defineTask("send_receipt", { payload: z.object({ n: z.number() }) });
const numbers = Array.from({ length: 64 }, (_, n) => n);

/** Does something before each row of a table is inserted. */
async function beforeEachRow(pool: pg.Pool, table: string, plpgsql: string): Promise<void> {
  await pool.query(`
    create function before_row() returns trigger language plpgsql as $$ begin ${plpgsql} return new; end $$;
    create trigger before_row before insert on ${table} for each row execute function before_row()`);
}

async function countStatements(pool: pg.Pool, table: string): Promise<() => Promise<number>> {
  await pool.query(`
    create sequence statements;
    create function note_statement() returns trigger language plpgsql as $$ begin perform nextval('public.statements'); return null; end $$;
    create trigger note_statement after insert on ${table} for each statement execute function note_statement()`);
  return async () => {
    const sql = "select case when is_called then last_value else 0 end::int as count from statements";
    return (await pool.query<{ count: number }>(sql)).rows[0]!.count;
  };
}

async function payloadsInOrder(pool: pg.Pool): Promise<number[]> {
  const sql = "select (payload ->> 'n')::int as n from graphile_worker._private_jobs order by run_at, id";
  return (await pool.query<{ n: number }>(sql)).rows.map(({ n }) => n);
}

const jobsTable = "graphile_worker._private_jobs";
const outcomeOf = ({ status, ...rest }: PromiseSettledResult<string>) =>
  status === "fulfilled" ? status : (rest as { readonly reason: { readonly code?: string } }).reason.code;

/** Refuses the numbers 13 and 40. */
const refuseTwo = (pool: pg.Pool, code: string) =>
  beforeEachRow(
    pool,
    jobsTable,
    `if new.payload ->> 'n' in ('13', '40') then
       raise exception 'number % is unlucky', new.payload ->> 'n' using errcode = '${code}';
     end if;`,
  );

describe("calls of enqueue at once", () => {
  it.each([false, true])("share statements, and each adds its own job (outbox: %s)", async (outbox) => {
    await using test = await createTestJobs({ outbox });
    const pool = outbox ? test.dataPool : test.jobsPool;
    const statementCount = await countStatements(pool, outbox ? "acme_jobs.outbox" : jobsTable);

    const ids = await Promise.all(numbers.map((n) => test.jobs.enqueue(task, { n })));

    expect(new Set(ids).size).toBe(64);
    expect(outbox ? await outboxCount(pool) : (await storedJobs(pool)).length).toBe(64);
    expect(await statementCount()).toBeLessThanOrEqual(4);
  });

  it("add jobs that begin in the order of the calls", async () => {
    await using test = await createTestJobs();

    await Promise.all(numbers.map((n) => test.jobs.enqueue(task, { n })));

    expect(await payloadsInOrder(test.jobsPool)).toEqual(numbers);
  });

  it.each(["P0001", "55000", "23514"])(
    "are harmed by none that is refused with %s, which has its own error",
    async (code) => {
      await using test = await createTestJobs();
      await refuseTwo(test.jobsPool, code);

      const results = await Promise.allSettled(numbers.map((n) => test.jobs.enqueue(task, { n })));

      const rest = numbers.filter((n) => n !== 13 && n !== 40);
      expect(await payloadsInOrder(test.jobsPool)).toEqual(rest);
      expect(results.flatMap((result, n) => (outcomeOf(result) === "fulfilled" ? n : []))).toEqual(rest);
      expect(
        results.flatMap((result) => (result.status === "rejected" ? (result.reason as Error).message : [])),
      ).toEqual(["number 13 is unlucky", "number 40 is unlucky"]);
    },
  );

  it("leave a call of enqueueMany beside them all or nothing", async () => {
    await using test = await createTestJobs();
    await refuseTwo(test.jobsPool, "P0001");

    const many = test.jobs.enqueueMany(task, [{ n: 100 }, { n: 13 }]).catch((error: Error) => error.message);
    await Promise.allSettled(numbers.map((n) => test.jobs.enqueue(task, { n })));

    expect(await many).toBe("number 13 is unlucky");
    expect(await payloadsInOrder(test.jobsPool)).not.toContain(100);
  });

  it("are not repeated when an error of the network looks like one of the server", async () => {
    let writeCount = 0;
    const write = shareWrites(async () => {
      writeCount += 1;
      throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    });

    const [first, second] = await Promise.allSettled([write({} as never), write({} as never)]);

    expect([first?.status, second?.status, writeCount]).toEqual(["rejected", "rejected", 1]);
  });

  it("resolve when their jobs are committed, and not before", async () => {
    await using test = await createTestJobs();
    await using holder = await holdTable(test.jobsPool);
    let resolvedCount = 0;

    const calls = Promise.all(
      numbers.map(async (n) => {
        await test.jobs.enqueue(task, { n });
        resolvedCount += 1;
      }),
    );
    await expect.poll(() => countWaiting(test.jobsPool)).toBeGreaterThan(0);
    expect(resolvedCount).toBe(0);
    await holder.end();

    await calls;
    expect(await storedJobs(test.jobsPool)).toHaveLength(64);
  });

  it("wait for none that hangs", async () => {
    await using test = await createTestJobs();
    // The first job of a task adds its name, for which others of the task would wait.
    await test.jobs.enqueue(task, { n: 0 });
    await beforeEachRow(
      test.jobsPool,
      jobsTable,
      "if new.payload ->> 'n' = '1' then perform pg_advisory_xact_lock(1); end if;",
    );
    const client = await test.jobsPool.connect();
    await client.query("select pg_advisory_lock(1)");
    const hanging = test.jobs.enqueue(task, { n: 1 });
    await expect.poll(() => countWaiting(test.jobsPool)).toBe(1);

    await test.jobs.enqueue(task, { n: 2 });

    expect(await payloadsInOrder(test.jobsPool)).toEqual([0, 2]);
    await client.query("select pg_advisory_unlock(1)");
    client.release();
    await hanging;
  });

  it("all say that they are unsure when their connection is lost, and none is written twice", async () => {
    await using test = await createTestJobs();
    await beforeEachRow(test.jobsPool, jobsTable, "perform pg_sleep(600);");
    const calls = Promise.allSettled(numbers.map((n) => test.jobs.enqueue(task, { n })));
    await expect.poll(() => countWaiting(test.jobsPool)).toBeGreaterThan(0);

    await terminateBackends(test.jobsUrl);

    expect(new Set((await calls).map(outcomeOf))).toEqual(new Set(["JOBS_DATABASE_UNREACHABLE"]));
    expect(await payloadsInOrder(test.jobsPool)).toEqual([]);
  });

  it("with one key leave one job", async () => {
    await using test = await createTestJobs();

    await Promise.all(numbers.map((n) => test.jobs.enqueue(task, { n }, { key: "k" })));

    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
  });
});

async function holdTable(pool: pg.Pool) {
  const client = await pool.connect();
  await client.query(`begin; lock table ${jobsTable} in share mode`);
  let isOpen = true;
  const end = async () => {
    if (!isOpen) return;
    isOpen = false;
    await client.query("rollback");
    client.release();
  };
  return { end, [Symbol.asyncDispose]: end };
}

/** How many sessions wait for a lock. */
async function countWaiting(pool: pg.Pool): Promise<number> {
  const sql =
    "select count(*)::int as count from pg_stat_activity where (wait_event_type = 'Lock' or wait_event = 'PgSleep') and datname = current_database()";
  return (await pool.query<{ count: number }>(sql)).rows[0]!.count;
}
