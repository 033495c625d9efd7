import { Client } from "pg";
import { expect, inject, it } from "vitest";
import { withConnection } from "../src/admin.ts";
import { dropDatabasesOf } from "../src/drop-databases.ts";
import { createTemplate, createTestDatabase, serverUrl } from "../src/index.ts";

async function databaseExists(name: string): Promise<boolean> {
  const { rowCount } = await withConnection(serverUrl(), (query) =>
    query("select from pg_database where datname = $1", [name]),
  );
  return rowCount === 1;
}

it("gives each test an empty database of its own", async () => {
  await using one = await createTestDatabase();
  await using other = await createTestDatabase();

  await one.pool().query("create table note (text text)");

  const { rows } = await other.pool().query("select current_database() as name, to_regclass('note') as note");
  expect(rows).toEqual([{ name: other.name, note: null }]);
});

it("drops the database on dispose, also when somebody is still connected", async () => {
  let name = "";
  const stranger = { lost: false };

  {
    await using database = await createTestDatabase();
    name = database.name;
    const client = new Client({ connectionString: database.url });
    client.on("error", () => (stranger.lost = true));
    await client.connect();
    await database.pool().query("select 1");
  }

  expect(await databaseExists(name)).toBe(false);
  await expect.poll(() => stranger.lost).toBe(true);
});

it("disposes of the database even if a client was never released", async () => {
  const database = await createTestDatabase();
  const client = await database.pool({ max: 1 }).connect();
  client.on("error", () => {});

  await database[Symbol.asyncDispose]();

  expect(await databaseExists(database.name)).toBe(false);
});

it("disposes of the database even if the test has ended its pool itself", async () => {
  const database = await createTestDatabase();
  await database.pool().end();

  await expect(database[Symbol.asyncDispose]()).resolves.toBeUndefined();
});

it("prepares a template once, however many ask for it at the same time", async () => {
  const prepared: string[] = [];
  const prepare = async (url: string) => {
    prepared.push(url);
    await withConnection(url, (query) => query("create table note as select 'kept' as text"));
  };

  const names = await Promise.all([1, 2, 3].map(() => createTemplate("notes", prepare)));
  await using database = await createTestDatabase({ template: names[0]! });

  const { rows } = await database.pool().query("select text from note");
  expect([prepared.length, new Set(names).size, rows]).toEqual([1, 1, [{ text: "kept" }]]);
});

it("prepares a template anew when the first attempt failed half-way", async () => {
  const failing = createTemplate("second-try", async (url) => {
    await withConnection(url, (query) => query("create table half (id int)"));
    throw new Error("half-way");
  });
  await expect(failing).rejects.toThrow("half-way");

  const template = await createTemplate("second-try", async (url) => {
    await withConnection(url, (query) => query("create table whole (id int)"));
  });
  await using database = await createTestDatabase({ template });

  const { rows } = await database.pool().query("select tablename from pg_tables where schemaname = 'public'");
  expect(rows).toEqual([{ tablename: "whole" }]);
});

it("allows many connections at once", async () => {
  const { rows } = await withConnection(serverUrl(), (query) => query("show max_connections"));

  expect(Number(rows[0]?.["max_connections"])).toBeGreaterThanOrEqual(300);
});

it("drops only the databases of a run at its end, on a server that stays", async () => {
  await using other = await createTestDatabase();
  const run = `${inject("postgresRunId")}x`;
  await withConnection(serverUrl(), (query) => query(`create database "${run}_left"`));

  await dropDatabasesOf(run, serverUrl());

  expect([await databaseExists(`${run}_left`), await databaseExists(other.name)]).toEqual([false, true]);
});
