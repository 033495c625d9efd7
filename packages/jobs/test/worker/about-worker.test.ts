import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { listWorkers } from "../../src/admin/worker-list.ts";
import { version } from "../../src/version.ts";
import { perform } from "../../src/index.ts";

const idle = [perform(killable, () => undefined)];
const quick = { heartbeatMs: 50, deadAfterMs: 500 };

describe("a worker", () => {
  it("says who it is when it registers", async () => {
    await using test = await createTestJobs();
    const tasks = [perform(killable, () => undefined), perform(single, () => undefined)];

    await test.jobs.startWorker({ tasks, name: "mails (Zürich) 📮", concurrency: 7 });

    await expect.poll(() => aboutAll(test)).toHaveLength(1);
    expect(await aboutAll(test)).toEqual([
      {
        host: hostname(),
        pid: process.pid,
        name: "mails (Zürich) 📮",
        version,
        node: process.versions.node,
        concurrency: 7,
        tasks: ["killable", "single"],
      },
    ]);
  });

  it("says with each heartbeat how many jobs it runs", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    await test.jobs.startWorker({ tasks: [perform(killable, () => gate.promise)], ...quick });
    await expect.poll(() => runningAll(test)).toEqual([0]);

    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await expect.poll(() => runningAll(test)).toEqual([3]);
    gate.resolve();

    await expect.poll(() => runningAll(test)).toEqual([0]);
  });

  it("says it again after a recovery has removed its row", async () => {
    await using test = await createTestJobs();
    await test.jobs.startWorker({ tasks: idle, name: "again", ...quick });
    await expect.poll(() => aboutAll(test)).toMatchObject([{ name: "again" }]);

    await test.jobsPool.query("delete from acme_jobs.workers");

    await expect.poll(() => aboutAll(test)).toMatchObject([{ name: "again", tasks: ["killable"] }]);
  });

  it.each(["", "x".repeat(65), "two\nlines", "nul\0", "half \ud83d", "tab\t", 5, null])(
    "is refused with the name %j",
    async (name) => {
      await using test = await createTestJobs();

      await expect(test.jobs.startWorker({ tasks: idle, name } as never)).rejects.toMatchObject({
        code: "OPTIONS_INVALID",
      });
    },
  );

  it("may have a name of 64 characters, however many units they take", async () => {
    await using test = await createTestJobs();
    const name = "📮".repeat(64);

    await test.jobs.startWorker({ tasks: idle, name });

    await expect.poll(() => aboutAll(test)).toMatchObject([{ name }]);
  });
});

describe("the version", () => {
  it("is that of package.json", async () => {
    const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as unknown;

    expect(manifest).toMatchObject({ version });
  });
});

async function aboutAll({ jobsPool }: TestJobs) {
  return (await listWorkers(jobsPool)).map(({ about }) => about);
}

async function runningAll({ jobsPool }: TestJobs) {
  return (await listWorkers(jobsPool)).map(({ running }) => running);
}
