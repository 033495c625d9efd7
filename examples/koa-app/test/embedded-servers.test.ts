import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createHome, messagesOf } from "./support/home.ts";

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

    await using worker = await home.start("worker.ts", { PORT: "9" });

    await expect.poll(() => home.mailCount(), { timeout: 10_000 }).toBe(1);
    expect(await home.newestMail()).toContain(`${home.url}auth/verify-email?token=`);
    expect(await worker.kill("SIGINT")).toEqual({ exitCode: 0, signal: null });
    expect(messagesOf(worker)).toContain("worker stopped");
  });

  it("lets such a worker send from the address of the app, where none can be made of its host", async () => {
    await using home = await createHome();
    const settings = { PUBLIC_URL: "http://[::1]:3000", MAIL_FROM: "Acme <hello@example.org>" };
    await using app = await home.start("main.ts", { JOB_QUEUE_ENABLED: "false", ...settings });
    await home.register("ada@example.org");

    await using worker = await home.start("worker.ts");

    await expect.poll(() => home.newestSender(), { timeout: 10_000 }).toBe("hello@example.org");
    expect(await worker.kill("SIGINT")).toEqual({ exitCode: 0, signal: null });
    expect((await app.kill("SIGINT")).exitCode).toBe(0);
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

async function connectTo(databaseUrl: string): Promise<void> {
  const { hostname, port } = new URL(databaseUrl);
  const socket = createConnection({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  socket.destroy();
}
