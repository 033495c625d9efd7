import { createTestDatabase, startServer, startStandby, type RestartableServer } from "@acme/test-postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createJobs } from "../../src/index.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";

/** Functions of a schema that is searched first answer in place of the server's own. */
async function answerInstead(test: TestJobs, functions: string): Promise<void> {
  await test.jobsPool.query(`create schema instead; ${functions}`);
  await test.jobsPool.query(
    `do $$ begin execute format('alter database %I set search_path = instead, pg_catalog', current_database()); end $$`,
  );
}

describe("a server that does not fit", () => {
  it("is another engine, which is named", async () => {
    await using test = await createTestJobs();
    await answerInstead(
      test,
      `create function instead.version() returns text language sql as $$select 'CockroachDB CCL v24.1.0 (x86_64)'$$`,
    );

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["ENGINE_UNSUPPORTED"]);
    expect(findingOf(findings, "ENGINE_UNSUPPORTED")?.what).toContain('"CockroachDB CCL v24.1.0"');
  });

  it("is too old", async () => {
    await using test = await createTestJobs();
    await answerInstead(
      test,
      `create function instead.current_setting(name text) returns text language sql as
         $$select case name when 'server_version_num' then '120019' else pg_catalog.current_setting(name) end$$`,
    );

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["SERVER_VERSION_UNSUPPORTED"]);
    expect(findingOf(findings, "SERVER_VERSION_UNSUPPORTED")?.what).toContain("PostgreSQL 12; the oldest");
  });

  it("has another encoding than UTF8", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();
    await pool.query(`create database ${database.name}_latin template template0 encoding 'LATIN1' locale 'C'`);
    const url = new URL(database.url);
    url.pathname += "_latin";

    const findings = await examine({ jobs: url.href });
    await pool.query(`drop database ${database.name}_latin with (force)`);

    expect(codesOf(findings)).toEqual(["SCHEMA_MISSING", "SCHEMA_MISSING", "ENCODING_UNSUPPORTED"]);
  });

  it("is read-only", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`,
    );

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual(["SERVER_READ_ONLY"]);
  });

  it("is a standby", async () => {
    await using primary = await startServer({ databases: ["jobs"] });
    await using jobs = createJobs({ connection: primary.url("jobs"), logger: collectInto([]) });
    await jobs.migrate();
    await jobs.close();
    await using standby = await startStandby(primary);

    const findings = await examine({ jobs: standby.url("jobs") });

    expect(findings.map(({ code }) => code)).toEqual(["SERVER_IS_STANDBY"]);
  });
});

describe("a server that may lose or run out of what it needs", () => {
  let server: RestartableServer;
  let pool: Pool;
  beforeAll(async () => {
    const settings = {
      fsync: "off",
      full_page_writes: "off",
      autovacuum: "off",
      wal_level: "logical",
      archive_mode: "on",
      archive_command: "false",
      max_prepared_transactions: "2",
    };
    server = await startServer({ databases: ["jobs"], settings });
    await using jobs = createJobs({ connection: server.url("jobs"), logger: collectInto([]) });
    await jobs.migrate();
    pool = new Pool({ connectionString: server.url("jobs") });
    await pool.query("create table note (n int)");
  });
  afterAll(async () => {
    await pool.end();
    await server[Symbol.asyncDispose]();
  });

  it("says which settings are off", async () => {
    const findings = await examine({ jobs: server.url("jobs") });

    const unsafe = findings.filter(({ code }) => code === "SERVER_UNSAFE").map(({ what }) => what);
    expect(unsafe.join()).toMatch(/fsync is off for the whole server.*full_page_writes is off/);
    expect(findingOf(findings, "AUTOVACUUM_OFF")?.what).toContain("for the whole server");
  });

  it("says that it cannot archive its log", async () => {
    await pool.query("insert into note values (1); select pg_switch_wal()");

    await expect.poll(async () => codesOf(await examine({ jobs: server.url("jobs") }))).toContain("ARCHIVING_FAILS");
  });

  it("says what holds back vacuum: an old transaction, one that was prepared, a slot that nobody reads", async () => {
    await pool.query("select pg_create_logical_replication_slot('left_over', 'pgoutput')");
    await pool.query("begin; insert into note values (2); prepare transaction 'forgotten'");
    const client = await pool.connect();
    onTestFinished(() => client.release(true));
    await client.query("begin isolation level repeatable read; select");
    await client.query("select txid_current()");

    const findings = await examine(
      { jobs: server.url("jobs") },
      { thresholds: { longTransactionMs: 1, slotBytes: 0 } },
    );
    await pool.query("rollback prepared 'forgotten'");

    expect(findingOf(findings, "LONG_TRANSACTION")?.what).toMatch(/a prepared transaction is open for .* and \d more/);
    expect(findingOf(findings, "SLOT_HOLDS_ROWS")?.what).toContain('"left_over"');
    expect(findingOf(findings, "SLOT_HOLDS_LOG")?.what).toContain('"left_over", which nobody reads, holds back');
  });
});

describe("asynchronous commit", () => {
  it.each([
    { level: "for this database", statement: "alter database %I set synchronous_commit = off" },
    {
      level: "for this role in this database",
      statement: "alter role current_user in database %I set synchronous_commit = off",
    },
  ])("is found $level", async ({ level, statement }) => {
    await using test = await createTestJobs();
    await test.jobsPool.query(`do $$ begin execute format('${statement}', current_database()); end $$`);

    const found = findingOf(await examine({ jobs: test.jobsUrl }), "COMMIT_ASYNCHRONOUS");

    expect(found?.what).toContain(`synchronous_commit is off ${level} (`);
  });
});
