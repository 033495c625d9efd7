import { createTestDatabase } from "@acme/test-postgres";
import { expect, it } from "vitest";
import { z } from "zod";
import { collectInto } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const tasks = [perform(defineTask("t", { payload: z.object({}) }), () => undefined)];
const refused = { code: "DATABASE_UNSUPPORTED", message: expect.stringContaining("PostgreSQL 12") as string };

it("jobs and outbox are refused by a PostgreSQL before 13, and nothing is made in it", async () => {
  await using older = await createTestDatabase();
  await using supported = await createTestDatabase();
  const pool = older.pool();
  await pool.query(`create schema pretended; create function pretended.current_setting(name text) returns text language sql
    as $$ select case name when 'server_version_num' then '120022' else pg_catalog.current_setting(name) end $$`);
  await pool.query(`alter database "${older.name}" set search_path = pretended, pg_catalog, public`);
  const options = { logger: collectInto([]) };
  await using jobs = createJobs({ ...options, connection: older.url });
  await using outbox = createJobs({ ...options, connection: supported.url, outbox: { connection: older.url } });

  await expect(jobs.migrate()).rejects.toMatchObject(refused);
  await expect(jobs.startWorker({ tasks })).rejects.toMatchObject(refused);
  await expect(outbox.migrateOutbox()).rejects.toMatchObject(refused);
  const { rows } = await pool.query("select nspname from pg_namespace where nspname ~ 'graphile|acme|jobs'");
  expect(rows).toEqual([]);
});
