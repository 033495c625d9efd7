import { startProxy, terminateBackends } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { createJobs, perform } from "../../src/index.ts";
import { holdStatement } from "../support/held-statement.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50, migrate: false };
const patiently = { timeout: 20_000 };

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
});
