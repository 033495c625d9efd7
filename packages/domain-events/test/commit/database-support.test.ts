import { createTestDatabase, startProxy, type TestDatabase } from "@acme/test-postgres";
import knex from "knex";
import { Client, Pool } from "pg";
import { expect, it } from "vitest";
import { createUnitOfWork, defineEvent } from "../../src/index.ts";
import { knexTransactions } from "../../src/knex.ts";
import { pgTransactions } from "../../src/pg.ts";
import { countRoundTrips } from "../../src/conformance/round-trips.ts";

class Happened extends defineEvent("happened") {}

/** Puts functions of its own before those of the server, as an engine that only speaks the protocol has others. */
async function pretend(database: TestDatabase, sql: string): Promise<void> {
  const client = new Client(database.url);
  await client.connect();
  await client.query(`create schema pretended; ${sql};
    do $$ begin execute format('alter database %I set search_path = pretended, pg_catalog', current_database()); end $$`);
  await client.end();
}

it.each([
  {
    lacks: "PostgreSQL 13",
    sql: `create function pretended.current_setting(text) returns text language sql as $$ select '120022'::text $$`,
  },
  {
    lacks: "pg_xact_status",
    sql: `create function pretended.pg_xact_status(xid8) returns text language sql as $$ select 'committed'::text $$`,
  },
  {
    lacks: "advisory locks",
    sql: `create function pretended.pg_advisory_xact_lock_shared(bigint) returns void language sql as $$ select $$`,
  },
])("a unit of work refuses a database that lacks $lacks before the work runs, and says why", async ({ lacks, sql }) => {
  await using database = await createTestDatabase();
  await pretend(database, sql);
  const pool = new Pool({ connectionString: database.url, max: 1 });
  let hasRun = false;

  const running = createUnitOfWork(pgTransactions(pool)).run(() => (hasRun = true));

  await expect(running).rejects.toMatchObject({ code: "DATABASE_UNSUPPORTED" });
  await expect(running).rejects.toThrow(lacks);
  expect(hasRun).toBe(false);
  expect(pool.idleCount).toBe(1);
  await pool.end();
});

it("the database is checked once for each pool, and again only if the server was out of reach", async () => {
  await using database = await createTestDatabase();
  const trips = countRoundTrips();
  const pool = new Pool({ connectionString: database.url, max: 1 });
  pool.on("connect", trips.watch);
  await createUnitOfWork(pgTransactions(pool)).run(() => {});
  trips.reset();

  await createUnitOfWork(pgTransactions(pool)).run(() => {});
  expect(trips.count()).toBe(2);
  await pool.end();

  const late = new Pool({ connectionString: database.url.replace(/\/[^/]*$/, "/not_there_yet"), max: 1 });
  const unitOfWork = createUnitOfWork(pgTransactions(late));
  for (let tries = 0; tries < 2; tries += 1)
    await expect(unitOfWork.run(() => {})).rejects.toMatchObject({ code: "3D000" });
  await late.end();
});

it("a unit of work runs even if the server does not identify itself, and then a lost COMMIT is unknown", async () => {
  await using database = await createTestDatabase();
  const client = new Client(database.url);
  await client.connect();
  await client.query(`create table rows (id int); revoke execute on function pg_control_system() from public;
    do $$ begin create role plain_role; exception when duplicate_object then null; end $$;
    grant insert on rows to plain_role`);
  await client.end();
  await using proxy = await startProxy(database.url);
  const pool = new Pool({ connectionString: proxy.url, max: 1, options: "-c role=plain_role" });
  pool.on("error", () => {});
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  const insert = () =>
    unitOfWork.run(async ({ tx, record }) => {
      await tx.query("insert into rows values (1)");
      record(new Happened());
    });

  await insert();
  void proxy.dropCommitReply();

  await expect(insert()).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
  await pool.end();
});

it.each(["cockroachdb", "pgnative", "redshift", "sqlite3"])("refuses a knex instance for %s", (client) => {
  const instance = Object.assign(() => {}, {
    client: { dialect: client === "sqlite3" ? "sqlite3" : "postgresql", driverName: client },
    transaction() {},
    raw() {},
  });

  expect(() => knexTransactions(instance as never)).toThrow(expect.objectContaining({ code: "ADAPTER_INVALID" }));
});

it("refuses a knex transaction in place of the instance: its unit could not commit", async () => {
  await using database = await createTestDatabase();
  const instance = knex({ client: "pg", connection: database.url, pool: { min: 0, max: 1 } });

  await instance.transaction(async (trx) => {
    expect(() => knexTransactions(trx)).toThrow(expect.objectContaining({ code: "ADAPTER_INVALID" }));
  });

  await instance.destroy();
});

it("resolves a lost COMMIT also where knex unwraps what the server answers", async () => {
  await using database = await createTestDatabase();
  await using proxy = await startProxy(database.url);
  const instance = knex({
    client: "pg",
    connection: proxy.url,
    pool: { min: 0, max: 1 },
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
    postProcessResponse: (response: { rows?: unknown }) => response.rows ?? response,
  });
  await instance.schema.createTable("rows", (table) => table.integer("id"));
  void proxy.dropCommitReply();

  const running = createUnitOfWork(knexTransactions(instance)).run(async ({ tx, record }) => {
    record(new Happened());
    await tx("rows").insert({ id: 1 });
    return "result";
  });

  await expect(running).resolves.toBe("result");
  await instance.destroy();
});

it("gives a pool that is busy the time it takes until it has a connection", async () => {
  await using database = await createTestDatabase();
  const pool = database.pool({ max: 1 });
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  // Longer than the server may take to answer.
  const busy = pool.query("select pg_sleep(5.5)");

  const running = unitOfWork.run(() => "ran");

  await busy;
  await expect(running).resolves.toBe("ran");
});
