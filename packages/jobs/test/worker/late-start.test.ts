import { startProxy, terminateBackends } from "@acme/test-postgres";
import { Pool, type PoolClient, type QueryConfig } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { holdStatement } from "../support/held-statement.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50, migrate: false };
const patiently = { timeout: 20_000 };
const other = defineTask("other", { payload: z.object({}) });

/** Lets no start of an attempt reach the database before that. */
function delayStart(pool: Pool, until: Promise<void>) {
  const start = { isReached: false };
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const delay = async (...args: unknown[]) => {
      start.isReached = true;
      await until;
      return query(...args);
    };
    client.query = ((...args: [string | QueryConfig]) => {
      const [config] = args;
      const text = typeof config === "string" ? config : config.text;
      return text.includes("set_config") && text.includes("is_own") ? delay(...args) : query(...args);
    }) as typeof client.query;
  });
  return start;
}

describe("a worker that is cut off before the code of a job begins", { timeout: 60_000 }, () => {
  it("does not run it when it comes back, if others have got it since", async () => {
    await using test = await createTestJobs();
    await using held = await holdStatement(
      test.jobsPool,
      "first",
      "update on acme_jobs.failures for each row when new.started_attempt = 2",
    );
    await using proxy = await startProxy(test.jobsUrl);
    const url = `${proxy.url}?application_name=first`;
    await using cutOff = createJobs({ connection: url, logger: collectInto([]) });
    const begun: string[] = [];
    const ended = Promise.withResolvers<void>();
    const runIn = (where: string) =>
      perform(killable, async (_, { attempt }) => {
        begun.push(`${where} ${attempt}`);
        if (begun.length === 1) throw new Error("the first attempt fails");
        await ended.promise;
      });
    const first = await cutOff.startWorker({ ...quick, tasks: [runIn("first")] });
    await test.jobs.enqueue(killable, { n: 1 });
    await held.reached();

    proxy.refuseConnections();
    proxy.cutAll();
    await terminateBackends(test.jobsUrl, { applicationName: "first" });
    await held.release();
    const second = await test.jobs.startWorker({ ...quick, tasks: [runIn("second")] });
    await expect.poll(() => begun, patiently).toEqual(["first 1", "second 2"]);
    await proxy.acceptConnections();
    await expect.poll(() => first.state, patiently).toBe("running");
    await expect.poll(async () => (await test.jobs.admin.workers()).length, patiently).toBe(2);
    ended.resolve();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
    expect(begun).toEqual(["first 1", "second 2"]);
  });

  it("does not run it under its older lock when it has got it again itself", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: `${proxy.url}?application_name=first` });
    onTestFinished(() => pool.end());
    const started = Promise.withResolvers<void>();
    const start = delayStart(pool, started.promise);
    await using cutOff = createJobs({ connection: pool, logger: collectInto([]) });
    const begun: number[] = [];
    const run = perform(killable, (_, { attempt }) => {
      if (begun.push(attempt) === 1) throw new Error("the first attempt fails");
    });
    const first = await cutOff.startWorker({ ...quick, tasks: [run] });
    onTestFinished(() => first.stop());
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => start.isReached, patiently).toBe(true);

    proxy.refuseConnections();
    proxy.cutAll();
    await terminateBackends(test.jobsUrl, { applicationName: "first" });
    await using second = await test.jobs.startWorker({ ...quick, tasks: [perform(other, () => undefined)] });
    const lockedCount = async () =>
      (await test.jobsPool.query("select from graphile_worker.jobs where locked_at is not null")).rowCount;
    await expect.poll(lockedCount, patiently).toBe(0);
    await proxy.acceptConnections();
    await expect.poll(lockedCount, patiently).toBe(1);
    started.resolve();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(begun).toEqual([1, 2]);
    await second.stop();
  });
});
