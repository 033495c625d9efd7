import { createTestDatabase } from "@acme/test-postgres";
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
