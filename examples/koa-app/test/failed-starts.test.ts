import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { createTestDatabase } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { createAppDatabase } from "../src/app-database.ts";
import { createLogger } from "../src/logging/logger.ts";
import { portOf } from "../src/http/port-of.ts";
import { createHome } from "./support/home.ts";

describe("a command that cannot start", { timeout: 60_000 }, () => {
  it("says that a port is taken, before it starts anything", async () => {
    await using home = await createHome();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");

    const failed = await home.run("main.ts", { PORT: String(portOf(server)) });

    server.close();
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^Port \d+ is taken by another process\. .*\n$/);
    expect(existsSync(home.dataDir)).toBe(false);
  });

  it("says that the app database cannot be reached, without the URL", async () => {
    await using home = await createHome();

    const failed = await home.run("main.ts", {
      DATABASE_URL: "postgres://user:secret@127.0.0.1:1/app",
      SMTP_URL: "smtp://127.0.0.1:1",
    });

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^The database in DATABASE_URL cannot be used \(ECONNREFUSED\)\. .*\n$/);
    expect(failed.stderr + failed.stdout).not.toContain("secret");
  });

  it.each(["DATABASE_URL", "JOB_QUEUE_DATABASE_URL"])(
    "says that the database in %s does not exist",
    async (setting) => {
      await using home = await createHome();
      await using database = await createTestDatabase();
      const missing = new URL(database.url);
      missing.pathname = "/no_such_database";

      const failed = await home.run("main.ts", {
        DATABASE_URL: database.url,
        SMTP_URL: "smtp://127.0.0.1:1",
        [setting]: missing.href,
      });

      expect(failed.exitCode).toBe(1);
      expect(failed.stderr).toMatch(new RegExp(`^The database in ${setting} cannot be used \\(3D000\\)\\. .*\\n$`));
    },
  );

  it("says that migrations are missing, and which command runs them", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", AUTO_MIGRATE: "false" };

    const failed = await home.run("main.ts", settings);
    const migrated = await home.run("migrate.ts", settings);
    await using app = await home.start("main.ts", settings);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^3 migration\(s\) .* Run "npm run migrate", then start again\.\n$/);
    expect(migrated).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await home.register("ada@example.org")).status).toBe(202);
    expect((await app.kill("SIGTERM")).exitCode).toBe(0);
  });

  it("can do so once npm run migrate has made the tables, also with JOB_QUEUE_ENABLED=false", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", AUTO_MIGRATE: "false" };

    await home.run("migrate.ts", { ...settings, JOB_QUEUE_ENABLED: "false" });
    await using worker = await home.start("worker.ts", settings);

    expect((await worker.kill("SIGTERM")).exitCode).toBe(0);
  });

  it.each(["true", "false"])(
    "says that a newer version of the app has been here, and what to do, with AUTO_MIGRATE=%s",
    async (autoMigrate) => {
      await using home = await createHome();
      await using database = await createTestDatabase();
      const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", AUTO_MIGRATE: autoMigrate };
      await home.run("migrate.ts", settings);
      await database
        .pool()
        .query("insert into knex_migrations (name, batch, migration_time) values ('0004-names', 2, now())");

      const failed = await home.run("main.ts", settings);

      expect(failed.exitCode).toBe(1);
      expect(failed.stderr).toMatch(/^A newer version of the app has changed .* 0004-names\. Start that version .*\n$/);
    },
  );

  it("says that the outbox is missing, before the first registration would", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", AUTO_MIGRATE: "false" };
    await home.run("migrate.ts", settings);
    await database.pool().query("drop table acme_jobs.outbox");

    const failed = await home.run("main.ts", settings);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^The app database has no outbox, .*\n$/);
  });

  it("names every setting that cannot be used, and repeats no value", async () => {
    await using home = await createHome();

    const failed = await home.run("main.ts", {
      PORT: "http",
      DATABASE_URL: "mysql://u:secret@host/db",
      SMTP_URL: "secret",
    });

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr.split("\n").slice(0, 4)).toEqual([
      "The settings cannot be used:",
      expect.stringMatching(/^ {2}DATABASE_URL: /),
      expect.stringMatching(/^ {2}PORT: /),
      expect.stringMatching(/^ {2}SMTP_URL: /),
    ]);
    expect(failed.stderr).not.toContain("secret");
  });

  it("says that a worker has no servers to work with", async () => {
    await using home = await createHome();

    const failed = await home.run("worker.ts");

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^No embedded servers are running\. .*\n$/);
  });
});

describe("processes that start together", { timeout: 60_000 }, () => {
  it("take turns to migrate", async () => {
    await using database = await createTestDatabase();
    const logger = createLogger({ level: "silent" });
    const starting = Array.from({ length: 5 }, () => createAppDatabase({ databaseUrl: database.url, logger }));

    const ends = await Promise.allSettled(starting.map((each) => each.migrate()));

    expect(ends.filter(({ status }) => status === "rejected")).toEqual([]);
    await Promise.all(starting.map((each) => each.close()));
  });

  it("migrate although one was killed while it did", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1" };
    await home.run("migrate.ts", settings);
    await database.pool().query("update knex_migrations_lock set is_locked = 1");

    expect(await home.run("migrate.ts", settings)).toMatchObject({ exitCode: 0, stderr: "" });
  });
});
