import { createTestDatabase, serverUrl, type TestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { createJobs, perform } from "../../src/index.ts";
import { effect } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";
import { collectInto } from "../support/test-jobs.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };

describe("a worker that goes on while its database is replaced by a new one, where the numbers of jobs begin again", () => {
  it("repeats no idempotency key, and runs the new job, whatever it still writes of the old one", async () => {
    await using dataDatabase = await createTestDatabase();
    await using database = await createTestDatabase();
    await using replacement = await createTestDatabase();
    await migrate(database.url);
    await migrate(replacement.url);
    const effects = effectsIn(dataDatabase.pool());
    await effects.createTables();
    const jobIds: string[] = [];
    const write = perform(effect, async ({ n }, { jobId, idempotencyKey }) => {
      jobIds.push(jobId);
      await effects.writeOnce(idempotencyKey, n);
    });
    await using jobs = createJobs({ connection: database.url, logger: collectInto([]) });
    await jobs.startWorker({ tasks: [write], ...quick });
    await addBySql(database.pool(), 1);
    await expect.poll(() => jobIds.length).toBe(1);

    await replaceDatabase(database.name, replacement.name);
    await addBySql(database.pool(), 2);

    await expect.poll(() => jobIds).toEqual(["1", "1"]);
    await expect.poll(() => effects.written()).toEqual([1, 2]);
  });

  it("registers none of its old pools there, so that none fetches a job there whose number it knows", async () => {
    await using database = await createTestDatabase();
    await using replacement = await createTestDatabase();
    await migrate(database.url);
    await migrate(replacement.url);
    await logRegistrations(replacement);
    await using jobs = createJobs({ connection: database.url, logger: collectInto([]) });
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const run = async () => {
      begun.resolve();
      await gate.promise;
    };
    await jobs.startWorker({ tasks: [perform(effect, run)], ...quick });
    await addBySql(database.pool(), 1);
    await begun.promise;
    const { rows: before } = await database.pool().query<{ pool_id: string }>("select pool_id from acme_jobs.workers");

    await replaceDatabase(database.name, replacement.name);
    await expect.poll(() => registered(database.pool())).toHaveLength(1);
    // The old pool lives until its job has ended, and the worker has more heartbeats meanwhile.
    const beatAt = await lastHeartbeat(database.pool());
    await expect.poll(() => lastHeartbeat(database.pool())).toBeGreaterThan(beatAt);
    gate.resolve();

    expect(before).toHaveLength(1);
    expect(await registered(database.pool())).not.toContain(before[0]?.pool_id);
    expect(await registered(database.pool())).toHaveLength(1);
  });
});

async function migrate(url: string): Promise<void> {
  await using jobs = createJobs({ connection: url, logger: collectInto([]) });
  await jobs.migrate();
}

async function addBySql(pool: Pool, n: number): Promise<void> {
  await pool.query("select graphile_worker.add_job('effect', json_build_object('n', $1::int))", [n]);
}

async function replaceDatabase(name: string, by: string): Promise<void> {
  const admin = new Pool({ connectionString: serverUrl(), max: 1 });
  await admin.query(`drop database "${name}" with (force)`);
  await admin.query(`alter database "${by}" rename to "${name}"`);
  await admin.end();
}

async function logRegistrations(database: TestDatabase): Promise<void> {
  const pool = new Pool({ connectionString: database.url });
  await pool.query(`
    create table registered (pool_id text);
    create function log_registration() returns trigger language plpgsql as
      $$ begin insert into registered values (new.pool_id); return new; end $$;
    create trigger log_registration before insert on acme_jobs.workers for each row execute function log_registration()`);
  await pool.end();
}

async function registered(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ pool_id: string }>("select distinct pool_id from registered");
  return rows.map((row) => row.pool_id);
}

async function lastHeartbeat(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ at: Date }>("select max(heartbeat_at) as at from acme_jobs.workers");
  return Number(rows[0]?.at);
}
