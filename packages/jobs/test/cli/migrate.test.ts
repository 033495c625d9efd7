import { createTestDatabase } from "@acme/test-postgres";
import type { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { jobsMigrations } from "../../src/database/jobs-migrations.ts";
import { outboxMigrations } from "../../src/database/outbox-migrations.ts";
import { createTablesBefore } from "../support/tables-before.ts";
import { cliOn } from "./support/run-cli.ts";

/** The tables of this package and of Graphile Worker. */
async function tablesOf(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%s.%s', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname in ('acme_jobs', 'graphile_worker') order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** What was printed, in one transaction as a person would run it. */
async function runSql(pool: Pool, sql: string): Promise<void> {
  await pool.query(`begin; ${sql}; commit`);
}

describe("migrate", () => {
  it("--dry-run on an empty database prints SQL that PostgreSQL takes, and changes nothing", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();

    const { exitCode, stdout } = await cliOn(database.url)("migrate --dry-run");

    expect(exitCode).toBe(0);
    const titles = stdout.split("\n").filter((line) => line.startsWith("-- jobs: "));
    expect(titles[0]).toMatch(/^-- jobs: Graphile Worker, revision 1 of \d+$/);
    expect(titles.at(-1)).toBe(`-- jobs: @acme/jobs, version ${jobsMigrations.length} of ${jobsMigrations.length}`);
    expect(await tablesOf(pool)).toEqual([]);
  });

  it("--dry-run on tables of version 2 prints the rest, with which they are like those of migrate", async () => {
    await using old = await createTestDatabase();
    await using fresh = await createTestDatabase();
    const pool = old.pool();
    await createTablesBefore(pool);

    const { stdout } = await cliOn(old.url)("migrate --dry-run --json");
    const { steps } = JSON.parse(stdout) as { steps: { where: string; what: string; sql: string }[] };

    expect(steps.map(({ where, what }) => `${where}: ${what}`)).toEqual(
      jobsMigrations.slice(2).map((_, index) => `jobs: @acme/jobs, version ${index + 3} of ${jobsMigrations.length}`),
    );
    await runSql(pool, steps.map(({ sql }) => sql).join(";\n"));
    await cliOn(fresh.url)("migrate");
    expect(await tablesOf(pool)).toEqual(await tablesOf(fresh.pool()));
  });

  it("updates tables of version 2", async () => {
    await using database = await createTestDatabase();
    await createTablesBefore(database.pool());
    const run = cliOn(database.url);

    const before = await run("workers");
    const migrated = await run("migrate");

    expect(before).toMatchObject({ exitCode: 1, stdout: "" });
    expect(before.stderr).toContain("(MIGRATION_MISSING)");
    expect(migrated).toMatchObject({ exitCode: 0, stdout: "The tables are up to date.\n" });
    expect(await run("workers")).toEqual({ exitCode: 0, stdout: "No workers.\n", stderr: "" });
  });

  it("creates the tables once, and then has nothing to do", async () => {
    await using database = await createTestDatabase();
    const run = cliOn(database.url);

    const first = await run("migrate --json");
    const again = await run("migrate");
    const planned = await run("migrate --dry-run");

    expect(JSON.parse(first.stdout)).toEqual({ migrated: true });
    expect(again).toEqual({ exitCode: 0, stdout: "The tables are up to date.\n", stderr: "" });
    expect(planned).toEqual({ exitCode: 0, stdout: "-- The tables are up to date.\n", stderr: "" });
  });

  it("is about both databases if there is an outbox", async () => {
    await using jobs = await createTestDatabase();
    await using data = await createTestDatabase();
    const run = cliOn(data.url, { env: { JOB_QUEUE_DATABASE_URL: jobs.url } });

    const planned = await run("migrate --dry-run");
    await run("migrate");

    expect(planned.stdout).toContain(`-- outbox: @acme/jobs, version 1 of ${outboxMigrations.length}`);
    expect(await tablesOf(data.pool())).toContain("acme_jobs.outbox");
    expect(await tablesOf(jobs.pool())).toContain("acme_jobs.dead_letters");
    expect((await run("outbox")).stdout).toBe("The outbox is empty.\n");
  });
});
