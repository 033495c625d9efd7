import { once } from "node:events";
import { Agent, request } from "node:http";
import type { UnitOfWork } from "@acme/domain-events";
import { runChild } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { UNIT_OF_WORK } from "../src/index.ts";
import { createOrderApp, listen } from "./support/order-app.ts";
import { post } from "./support/post-order.ts";

describe("a stop", () => {
  it("waits for the request and the job under way, and ends what close() ends last", async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const ended: string[] = [];
    await using test = await createOrderApp({
      acme: { close: () => void ended.push("close") },
      story: { gate: () => opened },
    });
    const url = await listen(test.app);
    const answer = post(url, { orderId: 1, slow: true }).then((response) => ended.push(`answer ${response.status}`));
    await expect
      .poll(() => test.told)
      .toEqual(expect.arrayContaining(["holding 1", expect.stringMatching(/^sending 1/)]));

    const closed = test.app.close();
    await expect.poll(() => refusesConnections(url)).toBe(true);
    expect(ended).toEqual([]);
    open();
    await Promise.all([closed, answer]);

    expect(ended).toEqual(["answer 201", "close"]);
    expect(test.told).toContain("sent 1");
    expect(await test.jobs()).toEqual([]);
  });

  it("closes a connection that its client keeps, after the answer", async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    await using test = await createOrderApp({ acme: { worker: false }, story: { gate: () => opened } });
    const url = await listen(test.app);
    const agent = new Agent({ keepAlive: true });
    const sent = request(`${url}/orders`, { agent, method: "POST", headers: { "content-type": "application/json" } });
    sent.end(JSON.stringify({ orderId: 1, slow: true }));
    await expect.poll(() => test.told).toContain("holding 1");

    const startedAt = performance.now();
    const closed = test.app.close();
    await expect.poll(() => refusesConnections(url)).toBe(true);
    open();
    const [response] = await once(sent, "response");
    response.resume();
    await closed;

    // Node itself would wait for as long as it keeps idle connections: five seconds.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    agent.destroy();
  });

  it("hands the job back and cuts the request at the deadline", async () => {
    const never = new Promise<void>(() => {});
    await using test = await createOrderApp({ acme: { stopDeadlineMs: 100 }, story: { gate: () => never } });
    const url = await listen(test.app);
    const answer = post(url, { orderId: 1, slow: true }).catch(() => "cut off");
    await expect
      .poll(() => test.told)
      .toEqual(expect.arrayContaining(["holding 1", expect.stringMatching(/^sending 1/)]));

    await test.app.close();

    expect(await answer).toBe("cut off");
    expect(await test.jobs()).toEqual([{ task: "send_receipt", locked_at: null, attempts: 0 }]);
  });

  it("goes on when one part cannot be stopped in order", async () => {
    const errors: string[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (_: object, message: string) => void errors.push(message) };
    const close = () => Promise.reject(new Error("no end"));
    await using test = await createOrderApp({ acme: { worker: false, logger: log, close } });
    await listen(test.app);
    test.app.get<UnitOfWork<unknown>>(UNIT_OF_WORK).stop = () => Promise.reject(new Error("no stop"));

    await test.app.close();

    expect(errors).toEqual(["the unit of work could not be stopped in order", "close() could not be stopped in order"]);
  });

  it("of the worker by itself, as the database refuses it, is told", async () => {
    const { promise: failed, resolve } = Promise.withResolvers<unknown>();
    const worker = { pollIntervalMs: 50, giveUpAfterMs: 1_000 };
    await using test = await createOrderApp({ acme: { worker, onWorkerFailed: resolve } });
    await test.app.init();

    // Renamed and not dropped: a drop locks tables, and can meet statements of the worker in a deadlock.
    await test.database.query("alter schema acme_jobs rename to old_jobs; alter schema graphile_worker rename to old");

    expect(await failed).toMatchObject({ code: "WORKER_FAILED" });
  });

  it("at SIGTERM finishes the job that runs", async () => {
    await using test = await createOrderApp({ acme: { worker: false } });
    await test.app.init();
    const support = new URL("support/", import.meta.url);
    await using child = runChild(new URL("shop.child.ts", support), {
      env: { DATABASE_URL: test.url },
      execArgv: ["--import", new URL("decorators.ts", support).href],
    });
    await child.waitFor("in the job");

    const ended = child.kill("SIGTERM");
    await child.waitFor("HTTP is closed");
    child.send("go on");
    await child.waitFor("job done");

    expect(await ended).toEqual({ exitCode: null, signal: "SIGTERM" });
    expect(child.stderr()).toBe("");
    expect(await test.jobs()).toEqual([]);
  });
});

async function refusesConnections(url: string): Promise<boolean> {
  return await fetch(url, { headers: { connection: "close" } }).then(
    () => false,
    () => true,
  );
}
