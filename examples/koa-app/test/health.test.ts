import { createTestDatabase } from "@acme/test-postgres";
import { Client } from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createAppDatabase } from "../src/app-database.ts";
import { createHealthCheck } from "../src/health.ts";
import { createLogger } from "../src/logging/logger.ts";
import { startTestApp } from "./support/test-app.ts";

describe("a flood of health checks", () => {
  afterEach(() => void vi.restoreAllMocks());

  it("costs one statement at a time, and one a second", async () => {
    await using scene = await createScene();
    const countStatements = watchStatements();

    await scene.flood();
    expect(countStatements()).toBe(1);
    scene.pass(999);
    await scene.flood();
    expect(countStatements()).toBe(1);
    scene.pass(1);
    await scene.flood();

    expect(countStatements()).toBe(2);
  });

  it("counts the second from when it was asked, however late the answer came", async () => {
    const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let askedCount = 0;
    await using scene = await createScene(async () => await answers[askedCount++]?.promise);

    const first = scene.checkHealth();
    scene.pass(900);
    const second = scene.checkHealth();
    expect(askedCount).toBe(1);
    answers[0]?.resolve();
    await Promise.all([first, second]);
    scene.pass(100);
    const third = scene.checkHealth();
    answers[1]?.reject(new Error("It is gone."));

    expect((await first).status).toBe("up");
    expect((await second).status).toBe("up");
    expect((await third).status).toBe("down");
  });

  it("shows a stop at once", async () => {
    await using scene = await createScene();
    expect((await scene.checkHealth()).status).toBe("up");

    scene.stop();

    expect(await scene.checkHealth()).toMatchObject({ status: "down", parts: { server: "stopping" } });
  });

  it("leaves the connections to those who register", async () => {
    await using app = await startTestApp();
    const countStatements = watchStatements();
    const startedAt = performance.now();

    const flood = Array.from({ length: 500 }, () => app.fetch("/health/ready"));
    const registration = await app.post("/auth/register", { email: "ada@example.org" });
    const answers = await Promise.all(flood);

    expect(registration.status).toBe(202);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const seconds = Math.floor((performance.now() - startedAt) / 1_000);
    expect(countStatements()).toBeLessThanOrEqual(1 + seconds);
  });
});

/** How many times the app database has been asked whether it is there: no other statement has such a text and a limit of its own. */
function watchStatements(): () => number {
  const query = vi.spyOn(Client.prototype, "query");
  const isPing = (asked: unknown) => /"text":"select 1",.*query_timeout/.test(JSON.stringify(asked) ?? "");
  return () => query.mock.calls.filter(([asked]) => isPing(asked)).length;
}

async function createScene(ping?: () => Promise<void>) {
  const resources = new AsyncDisposableStack();
  const test = resources.use(await createTestDatabase());
  const database = createAppDatabase({ databaseUrl: test.url, logger: createLogger({ level: "silent" }) });
  resources.defer(() => database.close());
  let time = 0;
  let isStopping = false;
  const checkHealth = createHealthCheck({
    database: ping === undefined ? database : { ping },
    backgroundJobs: { health: async () => ({ jobsDatabase: "off", worker: "off", outbox: null }) },
    isStopping: () => isStopping,
    now: () => time,
  });
  return {
    checkHealth,
    flood: async () => void (await Promise.all(Array.from({ length: 1_000 }, checkHealth))),
    pass: (ms: number) => void (time += ms),
    stop: () => void (isStopping = true),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
