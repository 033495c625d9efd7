import { serverUrl } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../src/index.ts";
import { ask, countedMigrate, databasesLike } from "./support/ask.ts";

const url = serverUrl();
const orders = "select id from orders";

describe("createTestDatabase", () => {
  it("gives each call a migrated database of its own, and migrates once", async () => {
    const { migrate, count } = countedMigrate();

    await using first = await createTestDatabase({ migrate, url });
    await ask(first.url, "delete from orders");
    await using second = await createTestDatabase({ migrate, url });

    expect([await ask(first.url, orders), await ask(second.url, orders), count()]).toEqual([[], [{ id: 1 }], 1]);
  });

  it("migrates once for many callers at a time", async () => {
    const { migrate, count } = countedMigrate();

    const databases = await Promise.all([1, 2, 3, 4].map(() => createTestDatabase({ migrate, url })));

    expect(await Promise.all(databases.map((one) => ask(one.url, orders)))).toEqual(databases.map(() => [{ id: 1 }]));
    expect(count()).toBe(1);
    await Promise.all(databases.map((one) => one.drop()));
  });

  it("shares what was migrated under one name, as test files do that have a function each", async () => {
    const [one, other, third] = [countedMigrate(), countedMigrate(), countedMigrate()];

    const databases = [
      await createTestDatabase({ migrate: one.migrate, template: "shop", url }),
      await createTestDatabase({ migrate: other.migrate, template: "shop", url }),
      await createTestDatabase({ migrate: third.migrate, template: "another shop", url }),
    ];

    expect([one.count(), other.count(), third.count()]).toEqual([1, 0, 1]);
    expect(await ask(databases[1]!.url, orders)).toEqual([{ id: 1 }]);
    for (const database of databases) await database.drop();
  });

  it("gives an empty database without migrate", async () => {
    await using database = await createTestDatabase({ url });

    expect(await ask(database.url, "select from pg_tables where schemaname = 'public'")).toEqual([]);
  });

  it("drops the database at the end, also while connections of a pool are just closing", async () => {
    const database = await createTestDatabase({ url });
    const pool = new Pool({ connectionString: database.url });
    await pool.query("select 1");
    void pool.end();

    await database.drop();

    expect(await databasesLike(url, database.name)).toEqual([]);
    await expect(database.drop()).resolves.toBeUndefined();
  });

  it("cuts no connection of a pool that a test has left open", async () => {
    const database = await createTestDatabase({ url });
    const pool = new Pool({ connectionString: database.url });
    await pool.query("select 1");

    await database.drop();

    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describe("migrate", () => {
  it("fails with its own error as the cause, and is tried again by the next call", async () => {
    const failure = new Error("relation exists");
    let isBroken = true;
    const migrate = async (empty: string) => {
      await ask(empty, "create table orders as select 2 as id");
      if (isBroken) throw failure;
    };

    const first = createTestDatabase({ migrate, url });
    await expect(first).rejects.toMatchObject({ code: "MIGRATE_FAILED", cause: failure });
    isBroken = false;
    await using second = await createTestDatabase({ migrate, url });

    expect(await ask(second.url, orders)).toEqual([{ id: 2 }]);
  });

  it("is told how to close the connections that it has left open", async () => {
    let pool: Pool | undefined;
    const migrate = async (empty: string) => {
      pool = new Pool({ connectionString: empty }).on("error", () => {});
      await pool.query("create table orders ()");
    };

    const attempt = createTestDatabase({ migrate, url });

    await expect(attempt).rejects.toMatchObject({
      code: "CONNECTIONS_LEFT_OPEN",
      message: expect.stringMatching(/1 connections open.*pool\.end\(\)/s),
    });
    await pool?.end();
  });
});

describe("a server that cannot be used", () => {
  it("is named without its password when there is no connection", async () => {
    const wrong = new URL(url);
    wrong.password = "secret-of-the-test";

    const attempt = createTestDatabase({ url: wrong.href });

    await expect(attempt).rejects.toMatchObject({
      code: "SERVER_UNREACHABLE",
      message: expect.stringContaining(wrong.host),
    });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining(wrong.password) });
  });

  it("is told apart when the role may not create databases", async () => {
    await ask(url, "create role without_rights login password 'weak'");
    const weak = Object.assign(new URL(url), { username: "without_rights", password: "weak" });
    try {
      const attempt = createTestDatabase({ url: weak.href });

      await expect(attempt).rejects.toMatchObject({
        code: "CREATE_DATABASE_DENIED",
        message: expect.stringContaining("createdb"),
      });
    } finally {
      await ask(url, "drop role without_rights");
    }
  });
});

describe("options", () => {
  it.each([
    [{ migrat: () => {} }, 'no option "migrat"'],
    [{ migrate: "migrations" }, "migrate of createTestDatabase() is no function"],
    [{ template: "shop" }, "give createTestDatabase() both"],
    [{ url: "localhost:5432" }, "postgres://user:password@host:5432/database"],
  ])("are refused when they cannot be meant: %j", async (options, message) => {
    const attempt = createTestDatabase(options as never);

    await expect(attempt).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
      message: expect.stringContaining(message),
    });
  });
});
