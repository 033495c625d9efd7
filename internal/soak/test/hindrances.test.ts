import { createTestDatabase, startServer } from "@acme/test-postgres";
import { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { memberNames } from "../src/faults.ts";
import { limitStatements } from "../src/limit-statements.ts";
import { lockTable } from "../src/lock-table.ts";
import { startNetwork } from "../src/network.ts";

async function open(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 500 });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}

it("keeps a member away until the last of what keeps it away has ended", async () => {
  await using database = await createTestDatabase();
  await using network = await startNetwork({ app: database.url, jobs: database.url });
  const { url } = network.proxy("writer-1", "app");
  const ofOne = network.refuse("writer-1");
  const ofAll = network.refuse("all");

  await ofOne.end();
  await expect(open(url)).rejects.toThrow("ECONNREFUSED");
  await ofAll.end();

  for (const member of memberNames) await open(network.proxy(member, "jobs").url);
  await open(url);
});

it("silences a member and leaves the others alone", async () => {
  await using database = await createTestDatabase();
  await using network = await startNetwork({ app: database.url, jobs: database.url });
  const [silent, other] = [network.proxy("relay-1", "jobs").url, network.proxy("relay-2", "jobs").url];

  const [first, second] = [network.silence("relay-1"), network.silence("all")];
  await second.end();

  await expect(open(silent)).rejects.toThrow("timeout");
  await open(other);
  await first.end();
  await open(silent);
});

it("limits sessions that are open, and leaves the server as it was", async () => {
  await using server = await startServer({ databases: ["app", "jobs"] });
  const urls = { app: server.url("app"), jobs: server.url("jobs") };
  const client = await open(urls.jobs);

  const limited = limitStatements({ setting: "statement_timeout", limitMs: 20, forMs: 1_000 }, () => urls);
  await expect.poll(() => client.query("select pg_sleep(0.2)").catch(({ code }) => code)).toBe("57014");
  await limited;

  await expect.poll(() => client.query("show statement_timeout")).toMatchObject({ rows: [{ statement_timeout: "0" }] });
});

it("holds a table for itself, and says when it could not", async () => {
  await using database = await createTestDatabase();
  const urls = { app: database.url, jobs: database.url };
  const pool = database.pool();
  await pool.query("create table held (id int)");

  const held = lockTable({ database: "app", table: "held", forMs: 1_000 }, urls);
  await expect
    .poll(() => pool.query("select 1; lock table held in access share mode nowait").catch(({ code }) => code))
    .toBe("55P03");

  expect(await held).toBe(true);
  expect(await lockTable({ database: "jobs", table: "nowhere", forMs: 1_000 }, urls)).toBe(false);
});
