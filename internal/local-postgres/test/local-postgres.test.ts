import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, expect, it } from "vitest";
import { isAlive } from "../src/process-table.ts";
import { startLocalPostgres } from "../src/local-postgres.ts";
import { ask, processesOf } from "./processes.ts";
import { createTempDirectory } from "./temp-directory.ts";

process.env["SECRET_OF_THE_APP"] = "s3cret";
const log: string[] = [];
const shared = await startLocalPostgres({ onLog: (line) => log.push(line) });
afterAll(() => shared.stop());
const others = throwAwayDirectories();

function throwAwayDirectories(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`acme-postgres-${process.pid}-`));
}

it("serves, and leaves nothing behind when it is stopped", async () => {
  const own = await startLocalPostgres({ databases: ["app", "jobs"] });
  const { server, supervisor } = await processesOf(own.url());
  const names = await ask(own.url("app"), "select datname from pg_database where not datistemplate order by 1");

  await own.stop();
  await own.stop();

  expect(names.map(({ datname }) => datname)).toEqual(["app", "jobs", "postgres"]);
  expect([isAlive(server), isAlive(supervisor), throwAwayDirectories()]).toEqual([false, false, others]);
});

it("speaks UTC and C.UTF-8, on 127.0.0.1 only, without sockets in the file system", async () => {
  const [row] = await ask(
    shared.url(),
    `select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
       current_setting('TimeZone') as zone, pg_encoding_to_char(encoding) as encoding, datlocprovider, datlocale
     from pg_database where datname = current_database()`,
  );

  expect(row).toEqual({
    listen: "127.0.0.1",
    sockets: "",
    zone: "UTC",
    encoding: "UTF8",
    datlocprovider: "b",
    datlocale: "C.UTF-8",
  });
});

it("lets nobody in without the password, which no command line and no environment shows", async () => {
  const { password } = new URL(shared.url());
  const { server, supervisor } = await processesOf(shared.url());

  await expect(ask(shared.url().replace(password, "guessed"), "select 1")).rejects.toMatchObject({ code: "28P01" });

  const visible = [server, supervisor].map((pid) =>
    ["cmdline", "environ"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8")).join(),
  );
  expect(visible.join()).not.toContain(password);
  expect(password).toMatch(/^.{32}$/);
});

it("hands its server nothing of the environment of the app", async () => {
  const { server, supervisor } = await processesOf(shared.url());

  const environments = [server, supervisor].map((pid) => readFileSync(`/proc/${pid}/environ`, "utf8")).join();

  expect(environments).toContain("LC_ALL=C");
  expect(environments).not.toContain("s3cret");
});

it.each([
  [{}, "off"],
  [{ durable: true }, "on"],
])("turns fsync off only for what is thrown away: %j", async (options, fsync) => {
  await using postgres = await startLocalPostgres(options);

  expect(await ask(postgres.url(), "show fsync")).toEqual([{ fsync }]);
});

it("keeps data and password with a data directory, and adds the databases that are missing", async () => {
  await using temp = createTempDirectory();
  const dataDir = temp.path("data", "postgres");
  const first = await startLocalPostgres({ dataDir, databases: ["app"], durable: false });
  await ask(first.url("app"), "create table note as select 'kept' as text");
  const fsync = await ask(first.url(), "show fsync");
  await first.stop();

  await using second = await startLocalPostgres({ dataDir, databases: ["app", "jobs"], port: first.port });

  expect(second.url("app")).toBe(first.url("app"));
  expect(await ask(second.url("app"), "select text from note")).toEqual([{ text: "kept" }]);
  expect(await ask(second.url("jobs"), "select 1 as one")).toEqual([{ one: 1 }]);
  expect(fsync).toEqual([{ fsync: "on" }]);
  expect(statSync(temp.path("data", "postgres", "password")).mode & 0o777).toBe(0o600);
  expect(readdirSync(temp.path("data"))).toEqual(["postgres"]);
});

it("tells the server's log to whoever asks", async () => {
  await expect(ask(shared.url(), "select 1 / 0")).rejects.toMatchObject({ code: "22012" });

  await expect.poll(() => log.join("\n")).toContain("division by zero");
});

it("says that the port is taken, and leaves nothing running", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };

  const start = startLocalPostgres({ port });

  await expect(start).rejects.toMatchObject({ code: "PORT_TAKEN", message: expect.stringContaining(String(port)) });
  other.close();
  expect(throwAwayDirectories()).toEqual(others);
});

it("refuses a directory that holds something else", async () => {
  await using temp = createTempDirectory();
  writeFileSync(temp.path("precious"), "");

  await expect(startLocalPostgres({ dataDir: temp.path() })).rejects.toMatchObject({ code: "DATA_DIR_NOT_A_CLUSTER" });

  expect(existsSync(temp.path("precious"))).toBe(true);
});

it("accepts an empty directory", async () => {
  await using temp = createTempDirectory();
  mkdirSync(temp.path("empty"));

  await using postgres = await startLocalPostgres({ dataDir: temp.path("empty") });

  expect(await ask(postgres.url(), "select 1 as one")).toEqual([{ one: 1 }]);
});

it("refuses data that another version of PostgreSQL wrote", async () => {
  await using temp = createTempDirectory();
  const dataDir = temp.path("postgres");
  await (await startLocalPostgres({ dataDir })).stop();
  writeFileSync(temp.path("postgres", "data", "PG_VERSION"), "17\n");

  await expect(startLocalPostgres({ dataDir })).rejects.toMatchObject({
    code: "DATA_DIR_INCOMPATIBLE",
    message: expect.stringContaining("PostgreSQL 17"),
  });
});

it("says what PostgreSQL says when it does not start", async () => {
  await using temp = createTempDirectory();
  const dataDir = temp.path("postgres");
  await (await startLocalPostgres({ dataDir })).stop();
  writeFileSync(temp.path("postgres", "data", "postgresql.conf"), "no_such_setting = 1\n");

  await expect(startLocalPostgres({ dataDir })).rejects.toMatchObject({
    code: "START_FAILED",
    message: expect.stringContaining("no_such_setting"),
  });
});

it.each(["", 'a"b', "x; drop", "a\nb", "x".repeat(64)])("refuses the database name %j", async (name) => {
  await expect(startLocalPostgres({ databases: [name] })).rejects.toMatchObject({ code: "DATABASE_NAME_INVALID" });
});

it("shows in the list of processes where the data are", async () => {
  await using temp = createTempDirectory();
  await using postgres = await startLocalPostgres({ dataDir: temp.path("postgres") });

  const { supervisor } = await processesOf(postgres.url());

  expect(execFileSync("tr", ["\\0", " "], { input: readFileSync(`/proc/${supervisor}/cmdline`) }).toString()).toContain(
    temp.path("postgres"),
  );
});
