import { createTestDatabase, startProxy } from "@acme/test-postgres";
import type { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { startMailCatcher } from "../src/local/mail-catcher.ts";
import { createHome, messagesOf, type Settings } from "./support/home.ts";

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
    const { rows } = await scene.database.query("select attempts, locked_at from graphile_worker.jobs");
    expect(rows).toEqual([{ attempts: 0, locked_at: null }]);
  });

  it("has one deadline for requests, jobs and units of work together, and leaves behind what hangs", async () => {
    const deadlineMs = 5_000;
    await using scene = await startSending({ STOP_DEADLINE_MS: String(deadlineMs) });
    await using users = await lockUsers(scene.database);
    const request = scene.home.register("grace@example.org").catch(() => "cut off");
    await expect.poll(() => users.waitingCount(), { timeout: 10_000 }).toBe(1);

    const startedAt = performance.now();
    const end = await scene.app.kill("SIGTERM");

    expect(performance.now() - startedAt).toBeLessThan(2 * deadlineMs);
    expect(end).toEqual({ exitCode: 0, signal: null });
    expect(await request).toBe("cut off");
    expect(messagesOf(scene.app).slice(-2)).toEqual([
      "stopped before all units of work and handlers had ended",
      "database connections were still in use; the process ends without them",
    ]);
  });

  it.each(["main.ts", "worker.ts", "migrate.ts"])("ends the wait for the turn to migrate: %s", async (file) => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    const settings = { DATABASE_URL: database.url, SMTP_URL: "smtp://127.0.0.1:1", STOP_DEADLINE_MS: "500" };

    for (const name of ["koa-app.migrate", "acme_jobs:migrate"]) {
      await using turn = await takeTurn(database.pool(), name);
      await using waiting = home.launch(file, settings);
      await expect.poll(() => turn.waitingCount(), { timeout: 20_000 }).toBe(1);

      expect(await waiting.kill("SIGTERM")).toEqual({ exitCode: 0, signal: null });

      expect(waiting.stderr()).toBe("");
    }
  });

  it("keeps to its deadline, and some seconds, when the databases do not answer any more", async () => {
    const deadlineMs = 2_000;
    await using home = await createHome();
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    const settings = { DATABASE_URL: proxy.url, SMTP_URL: "smtp://127.0.0.1:1", STOP_DEADLINE_MS: `${deadlineMs}` };
    await using app = await home.start("main.ts", settings);
    await home.register("ada@example.org");
    proxy.goSilent();
    const request = home.register("grace@example.org").catch(() => "cut off");

    const startedAt = performance.now();
    const end = await app.kill("SIGTERM");

    expect(performance.now() - startedAt).toBeLessThan(deadlineMs + 6_000);
    expect(end).toEqual({ exitCode: 0, signal: null });
    expect(await request).toBe("cut off");
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
  return { app, home, takeMail, database: database.pool(), [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Lets whoever wants to read or write a user wait. */
async function lockUsers(pool: Pool) {
  return await hold(pool, "lock table users in access exclusive mode");
}

/** Lets whoever wants to migrate wait. */
async function takeTurn(pool: Pool, name: string) {
  return await hold(pool, `select pg_advisory_xact_lock(hashtextextended('${name}', 0))`);
}

async function hold(pool: Pool, statement: string) {
  const client = await pool.connect();
  await client.query(`begin; ${statement}`);
  return {
    async waitingCount(): Promise<number> {
      const { rows } = await client.query("select count(*)::int as count from pg_locks where not granted");
      return rows[0].count;
    },
    [Symbol.asyncDispose]: async () => {
      await client.query("rollback");
      client.release();
    },
  };
}
