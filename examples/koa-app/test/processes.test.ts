import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { createTestDatabase, runChild, type Child } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { choosePort } from "../src/http/server.ts";
import { portOf } from "../src/http/port-of.ts";
import { startMailCatcher } from "../src/local/mail-catcher.ts";
import { password } from "./support/people.ts";

describe("npm start, with nothing set", { timeout: 60_000 }, () => {
  it("brings its own servers, says where to look, and stops all of it with Ctrl-C", async () => {
    await using home = await createHome();
    await using app = await home.start("main.ts");

    expect(app.stdout()).toContain(`Open ${home.url}`);
    expect(app.stdout()).toContain(`curl -X POST ${home.url}auth/register`);
    expect((await home.register("ada@example.org")).status).toBe(202);
    await expect.poll(() => home.mailCount(), { timeout: 2_000, interval: 50 }).toBe(1);
    const { databaseUrl } = JSON.parse(await readFile(join(home.dataDir, "runtime.json"), "utf8"));

    const end = await app.kill("SIGINT");

    expect(end).toEqual({ exitCode: 0, signal: null });
    expect(app.stderr()).toBe("");
    expect(messagesOf(app).slice(-2)).toEqual(["worker is stopping", "worker stopped"]);
    await expect(connectTo(databaseUrl)).rejects.toThrow("ECONNREFUSED");
    expect(existsSync(join(home.dataDir, "runtime.json"))).toBe(false);
  });

  it("keeps the passwords of its servers to itself", async () => {
    await using home = await createHome();
    await using app = await home.start("main.ts");

    const runtime = JSON.parse(await readFile(join(home.dataDir, "runtime.json"), "utf8"));
    const { mode } = await stat(join(home.dataDir, "runtime.json"));

    expect(mode & 0o777).toBe(0o600);
    expect(app.stdout()).not.toContain(new URL(runtime.databaseUrl).password);
  });

  it("finds its data again after kill -9, and sends what was left", async () => {
    await using home = await createHome();
    await using killed = await home.start("main.ts", { JOB_QUEUE_ENABLED: "false" });
    await home.register("ada@example.org");
    await killed.kill("SIGKILL");

    await using again = await home.start("main.ts");

    await expect.poll(() => home.mailCount(), { timeout: 20_000 }).toBe(1);
    expect(await again.kill("SIGTERM")).toEqual({ exitCode: 0, signal: null });
  });

  it("lets a worker of its own process find the servers, and send the mails", async () => {
    await using home = await createHome();
    await using app = await home.start("main.ts", { JOB_QUEUE_ENABLED: "false" });
    await home.register("ada@example.org");
    expect(app.stdout()).toContain("npm run worker");

    await using worker = await home.start("worker.ts");

    await expect.poll(() => home.mailCount(), { timeout: 10_000 }).toBe(1);
    expect(await worker.kill("SIGINT")).toEqual({ exitCode: 0, signal: null });
    expect(messagesOf(worker)).toContain("worker stopped");
  });

  it("stops when the npm that started it is told to", async () => {
    await using home = await createHome();
    // What npm does: a shell between itself and the program, which dies of the signal and does not pass it on.
    await using shell = home.startUnder("sh", "main.ts", { npm_lifecycle_event: "start" });
    await expect.poll(() => home.isLive(), { timeout: 40_000 }).toBe(true);

    shell.kill("SIGTERM");

    await expect.poll(() => home.isLive(), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => existsSync(join(home.dataDir, "runtime.json")), { timeout: 10_000 }).toBe(false);
  });

  it("ends a worker whose servers have gone, with one clear line", async () => {
    await using home = await createHome();
    await using app = await home.start("main.ts", { JOB_QUEUE_ENABLED: "false" });
    await using worker = await home.start("worker.ts", { STOP_DEADLINE_MS: "500" });

    await app.kill("SIGINT");

    expect(await worker.ended).toEqual({ exitCode: 1, signal: null });
    expect(worker.stderr()).toMatch(/^The embedded servers are gone.*$/m);
  });
});

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
    expect(failed.stderr).toMatch(/^The app database cannot be used \(ECONNREFUSED\)\. .*\n$/);
    expect(failed.stderr + failed.stdout).not.toContain("secret");
  });

  it("says that the database of the URL does not exist", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const missing = new URL(database.url);
    missing.pathname = "/no_such_database";

    const failed = await home.run("main.ts", { DATABASE_URL: missing.href, SMTP_URL: "smtp://127.0.0.1:1" });

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^The app database cannot be used \(3D000\)\. .*\n$/);
  });

  it("says that migrations are missing, and which command runs them", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", AUTO_MIGRATE: "false" };

    const failed = await home.run("main.ts", settings);
    const migrated = await home.run("migrate.ts", settings);
    await using app = await home.start("main.ts", settings);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^2 migration\(s\) .* Run "npm run migrate", then start again\.\n$/);
    expect(migrated).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await home.register("ada@example.org")).status).toBe(202);
    expect((await app.kill("SIGTERM")).exitCode).toBe(0);
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

describe("a stop", { timeout: 60_000 }, () => {
  it("waits for the mail that is being sent", async () => {
    await using scene = await startSending();

    const ended = scene.app.kill("SIGTERM");
    await expect.poll(() => messagesOf(scene.app)).toContain("worker is stopping");
    scene.takeMail();

    expect(await ended).toEqual({ exitCode: 0, signal: null });
    expect(messagesOf(scene.app)).toContain("job done");
  });

  it("hands the mail back when the deadline has passed, its attempt unused", async () => {
    await using scene = await startSending({ STOP_DEADLINE_MS: "200" });

    const end = await scene.app.kill("SIGTERM");

    expect(end).toEqual({ exitCode: 0, signal: null });
    const { rows } = await scene.jobs.query("select attempts, locked_at from graphile_worker.jobs");
    expect(rows).toEqual([{ attempts: 0, locked_at: null }]);
  });

  it("is cut short by another Ctrl-C, but not by the same one that npm passes on", async () => {
    await using scene = await startSending();
    const { app } = scene;

    process.kill(app.pid, "SIGINT");
    process.kill(app.pid, "SIGINT");
    await expect.poll(() => messagesOf(app)).toContain("worker is stopping");
    const interval = setInterval(() => process.kill(app.pid, "SIGINT"), 200);
    const end = await app.ended.finally(() => clearInterval(interval));

    expect(end).toEqual({ exitCode: 1, signal: null });
    expect(messagesOf(app)).not.toContain("worker stopped");
  });
});

describe("processes that start together", { timeout: 60_000 }, () => {
  it("take turns to migrate", async () => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1" };

    const ends = await Promise.all([1, 2, 3].map(() => home.run("migrate.ts", settings)));

    expect(ends.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([1, 2, 3].map(() => [0, ""]));
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

/** The app, in the middle of a mail that the SMTP server does not answer to. */
async function startSending(settings: Settings = {}) {
  const resources = new AsyncDisposableStack();
  const home = resources.use(await createHome());
  const database = resources.use(await createTestDatabase());
  const { promise: taken, resolve: takeMail } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: announce } = Promise.withResolvers<void>();
  const catcher = resources.use(
    await startMailCatcher({
      beforeReply: () => {
        announce();
        return taken;
      },
    }),
  );
  const servers = { DATABASE_URL: database.url, SMTP_URL: catcher.smtpUrl };
  const app = resources.use(await home.start("main.ts", { ...servers, ...settings }));
  await home.register("ada@example.org");
  await arrived;
  return { app, takeMail, jobs: database.pool(), [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

type Settings = Readonly<Record<string, string>>;

/** A data directory and a port of one test's own. */
async function createHome() {
  const directory = await mkdtemp(join(tmpdir(), "koa-app-test-"));
  const dataDir = join(directory, "data");
  const port = await choosePort({ host: "127.0.0.1", port: 0 });
  const url = `http://localhost:${port}/`;
  // Empty counts as unset: what the machine that runs the tests has set must not matter.
  const unset = { DATABASE_URL: "", JOB_QUEUE_DATABASE_URL: "", SMTP_URL: "", NODE_OPTIONS: "" };
  const environment = (settings: Settings) => ({ ...unset, DATA_DIR: dataDir, PORT: `${port}`, ...settings });
  const pathOf = (file: string) => fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const run = (file: string, settings: Settings = {}) => runChild(pathOf(file), { env: environment(settings) });
  return {
    dataDir,
    url,
    /** Starts a program and waits until it is at work. */
    async start(file: "main.ts" | "worker.ts", settings?: Settings): Promise<Child> {
      const child = run(file, settings);
      const sign = file === "main.ts" ? "server started" : "worker started";
      const atWork = async () => await expect.poll(() => messagesOf(child), { timeout: 40_000 }).toContain(sign);
      const ended = async () => {
        await child.ended;
        throw new Error(`${file} has ended: ${child.stderr()}`);
      };
      await Promise.race([atWork(), ended()]);
      return child;
    },
    startUnder(shell: string, file: string, settings: Settings) {
      const command = `"${process.execPath}" "${pathOf(file)}"; exit $?`;
      const child = spawn(shell, ["-c", command], {
        env: { ...process.env, ...environment(settings) },
        stdio: "ignore",
      });
      return Object.assign(child, { [Symbol.asyncDispose]: async () => void child.kill("SIGKILL") });
    },
    isLive: () =>
      fetch(`${url}health/live`).then(
        () => true,
        () => false,
      ),
    /** Runs a program to its end. */
    async run(file: string, settings?: Settings) {
      await using child = run(file, settings);
      const { exitCode } = await child.ended;
      return { exitCode, stdout: child.stdout(), stderr: child.stderr() };
    },
    register: (email: string) =>
      fetch(`${url}auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      }),
    async mailCount(): Promise<number> {
      const { mails } = (await (await fetch(`${url}mails`)).json()) as { mails: unknown[] };
      return mails.length;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }),
  };
}

function messagesOf(child: Child): string[] {
  const lines = child
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line).msg);
}

async function connectTo(databaseUrl: string): Promise<void> {
  const { hostname, port } = new URL(databaseUrl);
  const socket = createConnection({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  socket.destroy();
}
