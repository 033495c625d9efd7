import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { once } from "node:events";
import { Client } from "pg";
import { afterAll, expect, it } from "vitest";
import { isAlive } from "../src/process-table.ts";
import { startLocalPostgres } from "../src/local-postgres.ts";
import { startApp } from "./app.ts";
import { ask, processesOf } from "./processes.ts";
import { createTempDirectory } from "./temp-directory.ts";

const patient = { timeout: 15_000 };

function throwAwayOf(pid: number): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`acme-postgres-${pid}-`));
}

it("ends with its app, and its throw-away data vanish, when the app is killed", async () => {
  // A temp directory of its own: other runs on this machine clean the common one.
  await using temp = createTempDirectory();
  await using app = startApp({ options: {}, env: { TMPDIR: temp.path() } });
  const { server, supervisor } = await processesOf((await app.started).url);

  await app.kill("SIGKILL");

  await expect
    .poll(() => [isAlive(server), isAlive(supervisor), readdirSync(temp.path())], patient)
    .toEqual([false, false, []]);
});

it("keeps no app alive, and ends with one that just ends", async () => {
  await using app = startApp({ options: {} });
  const { server } = await processesOf((await app.started).url);

  await app.finish();

  await expect.poll(() => [isAlive(server), throwAwayOf(app.pid)], patient).toEqual([false, []]);
});

it("leaves Ctrl-C to the app, which still has its database", async () => {
  await using app = startApp({ options: {}, onInterrupt: "ignore" });
  const { url } = await app.started;
  const interrupted = once(app.process, "message");

  process.kill(-app.pid, "SIGINT");
  await interrupted;

  expect(await ask(url, "select 1 as one")).toEqual([{ one: 1 }]);
});

const victims = [
  ["the app"],
  ["the supervisor"],
  ["the server"],
  ["the supervisor", "the app"],
  ["the supervisor", "the server"],
  ["the server", "the supervisor", "the app"],
];

/** One cluster for the tests that need none of their own. */
const home = createTempDirectory();
const kept = { dataDir: home.path("postgres") };
afterAll(() => home[Symbol.asyncDispose]());

it.each(victims.map((names) => [names.join(", "), names] as const))(
  "starts again, with what was committed, after kill -9 of %s",
  async (_, names) => {
    await using app = startApp({ options: kept });
    const { url } = await app.started;
    const { server, supervisor } = await processesOf(url);
    await ask(url, "create table if not exists note as select 'kept' as text");
    const pids: Record<string, number> = { "the app": app.pid, "the supervisor": supervisor, "the server": server };

    for (const name of names) process.kill(pids[name]!, "SIGKILL");
    await app.kill();
    await using postgres = await startLocalPostgres(kept);

    expect(await ask(postgres.url(), "select text from note")).toEqual([{ text: "kept" }]);
    await expect.poll(() => [isAlive(server), isAlive(supervisor)], patient).toEqual([false, false]);
  },
);

it("waits for a server that is still ending", async () => {
  await using app = startApp({ options: kept });
  const { url } = await app.started;
  const { server } = await processesOf(url);
  process.kill(server, "SIGSTOP");

  await app.kill();
  const start = startLocalPostgres(kept);
  process.kill(server, "SIGCONT");
  await using postgres = await start;

  expect(await ask(postgres.url(), "select 1 as one")).toEqual([{ one: 1 }]);
});

it("tells the second start on the same data who has them", async () => {
  await using app = startApp({ options: kept });
  const { url } = await app.started;

  const second = startLocalPostgres(kept);

  await expect(second).rejects.toMatchObject({
    code: "DATA_DIR_IN_USE",
    message: expect.stringContaining(`${app.pid}`),
  });
  expect(await ask(url, "select 1 as one")).toEqual([{ one: 1 }]);
});

it("tells so too when the first one's supervisor was killed", async () => {
  await using app = startApp({ options: kept });
  const { url } = await app.started;
  process.kill((await processesOf(url)).supervisor, "SIGKILL");

  const second = startLocalPostgres(kept);

  await expect(second).rejects.toMatchObject({
    code: "DATA_DIR_IN_USE",
    message: expect.stringContaining(`${app.pid}`),
  });
  expect(await ask(url, "select 1 as one")).toEqual([{ one: 1 }]);
});

it.each([1, 2])("lets one of two first starts at the same moment win (%i)", async () => {
  await using temp = createTempDirectory();
  const options = { dataDir: temp.path("postgres"), databases: ["app"] };

  await using one = startApp({ options });
  await using other = startApp({ options });
  const [winner, loser] = await Promise.race([
    one.started.then(
      () => [one, other] as const,
      () => [other, one] as const,
    ),
    other.started.then(
      () => [other, one] as const,
      () => [one, other] as const,
    ),
  ]);

  const failure = await loser.failed;
  expect(failure).toMatchObject({ code: "DATA_DIR_IN_USE", message: expect.stringContaining(`process ${winner.pid}`) });
  expect(await ask((await winner.started).url, "select 1 as one")).toEqual([{ one: 1 }]);
});

it("ends its server also when the supervisor was killed before", async () => {
  const postgres = await startLocalPostgres();
  const { server, supervisor } = await processesOf(postgres.url());

  process.kill(supervisor, "SIGKILL");
  await postgres.stop();

  expect([isAlive(server), throwAwayOf(process.pid)]).toEqual([false, []]);
});

it("ends and removes the throw-away servers of killed runs, for which nobody else is left", async () => {
  await using app = startApp({ options: {} });
  const { server, supervisor } = await processesOf((await app.started).url);
  process.kill(supervisor, "SIGKILL");
  await app.kill();

  await using _ = await startLocalPostgres();

  await expect.poll(() => [isAlive(server), throwAwayOf(app.pid)], patient).toEqual([false, []]);
});

it("begins again after a first start that was killed half-way", async () => {
  await using temp = createTempDirectory();
  const options = { dataDir: temp.path("postgres") };
  await using app = startApp({ options });
  await expect.poll(() => readdirSync(temp.path()).join()).toContain(".new-");

  await app.kill();
  const second = await startLocalPostgres(options);
  expect(await ask(second.url(), "select 1 as one")).toEqual([{ one: 1 }]);

  // Its initdb outlives the app for a moment, and what that leaves is removed the next time.
  await second.stop();
  await using third = await startLocalPostgres(options);
  expect(await ask(third.url(), "select 1 as one")).toEqual([{ one: 1 }]);
  expect(readdirSync(temp.path())).toEqual(["postgres"]);
});

it("cuts connections and open transactions when it stops", async () => {
  const postgres = await startLocalPostgres();
  const client = new Client({ connectionString: postgres.url() });
  const errors: unknown[] = [];
  client.on("error", (error) => errors.push(error));
  await client.connect();
  await client.query("begin; create table note ()");

  await postgres.stop();

  await expect.poll(() => errors.length).toBeGreaterThan(0);
});
