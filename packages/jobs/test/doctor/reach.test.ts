import { randomBytes } from "node:crypto";
import { createTestDatabase, startServer } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";

const secret = "dont-tell-7f3c";

async function createRole(pool: Pool): Promise<string> {
  const name = `user_${randomBytes(4).toString("hex")}`;
  await pool.query(`create role ${name} login password '${secret}'`);
  return name;
}

function as(url: string, user: string, password = secret): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}

describe("a database that lets nobody in", () => {
  it("is unreachable when its server is stopped, and the other database is examined all the same", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query("drop index acme_jobs.outbox_position");
    await server.stop();

    const findings = await examine({ jobs: server.url("jobs"), outbox: test.dataUrl });

    expect(codesOf(findings)).toEqual(["DATABASE_UNREACHABLE", "INDEX_MISSING"]);
    expect(findings[0]?.what).toContain("The jobs database cannot be reached (ECONNREFUSED)");
  });

  it("refuses a wrong name", async () => {
    await using database = await createTestDatabase();
    const url = new URL(database.url);
    url.pathname = "/no_such_database";

    const findings = await examine({ jobs: url.href });

    expect(codesOf(findings)).toEqual(["DATABASE_REFUSED"]);
    expect(findings[0]?.what).toContain("no database of that name (3D000)");
  });

  it("refuses a wrong password, which is not told", async () => {
    await using server = await startServer();
    const pool = new Pool({ connectionString: server.url() });
    const name = await createRole(pool);

    const findings = await examine({ jobs: as(server.url(), name, `${secret}-not`) });
    await pool.end();

    expect(codesOf(findings)).toEqual(["DATABASE_REFUSED"]);
    expect(findings[0]?.what).toContain("wrong user or password (28P01)");
    expect(JSON.stringify(findings)).not.toContain(secret);
  });

  it("refuses a role without the right to connect", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();
    const name = await createRole(pool);
    await pool.query(`revoke connect on database ${database.name} from public`);

    const findings = await examine({ jobs: as(database.url, name) });

    expect(codesOf(findings)).toEqual(["DATABASE_REFUSED"]);
    expect(findings[0]?.what).toContain("42501");
  });

  it("has no connection left for the role", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();
    const name = await createRole(pool);
    await pool.query(`alter role ${name} connection limit 1`);
    const holder = database.pool({ connectionString: as(database.url, name) });
    await holder.query("select");

    const findings = await examine({ jobs: as(database.url, name) });

    expect(codesOf(findings)).toEqual(["CONNECTIONS_EXHAUSTED"]);
  });

  it("is not confused with a pool of the application that is used up", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl, max: 1 });
    const held = await pool.connect();

    const findings = await examine({ jobs: pool });
    held.release();
    await pool.end();

    expect(codesOf(findings)).toEqual([]);
  });
});

describe("a connection limit", () => {
  it("is told before it is reached", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select");
    await test.jobsPool.query(
      `do $$ begin execute format('alter database %I connection limit 3', current_database()); end $$`,
    );
    const others = [await test.jobsPool.connect(), await test.jobsPool.connect()];

    const findings = await examine({ jobs: test.jobsUrl });
    for (const each of others) each.release();

    expect(findingOf(findings, "CONNECTIONS_SCARCE")?.what).toMatch(
      /[3-9] of the 3 connections of the database "test_/,
    );
  });
});
