import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { ChildProcess } from "node:child_process";
import { startProxy } from "@acme/test-postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { writeConfiguration } from "./support/configuration.ts";
import { cliOn, startCli } from "./support/run-cli.ts";

interface RunningWorker {
  readonly child: ChildProcess;
  /** Standard error so far. */
  said(): string;
  readonly end: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly stdout: Promise<string>;
}

async function startWorker(url: string, folder: string, words: readonly string[] = []): Promise<RunningWorker> {
  const child = startCli(["worker", ...words], { env: { DATABASE_URL: url }, cwd: folder });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => void (said += chunk));
  const end = once(child, "close").then(([exitCode, signal]) => ({
    exitCode: exitCode as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const worker = { child, said: () => said, end, stdout: text(child.stdout!) };
  await expect.poll(() => said).toMatch(/^Worker running/);
  return worker;
}

/** Waits for a file `go` in its folder, and writes what it does to standard error. */
const waitingBody = `
  const { existsSync } = await import("node:fs");
  process.stderr.write("begun\\n");
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20));
  process.stderr.write("ended\\n");`;

describe("worker", () => {
  it("runs the tasks of the configuration, and on SIGTERM ends after what runs", async () => {
    await using test = await createTestJobs();
    await using configuration = await writeConfiguration(waitingBody);
    const run = cliOn(test.jobsUrl, { cwd: configuration.folder });
    const worker = await startWorker(test.jobsUrl, configuration.folder, ["--name", "mailer", "--concurrency", "3"]);
    await run(["enqueue", "sendReceipt", '{"orderId":"42"}']);
    await expect.poll(worker.said).toContain("begun");
    const { stdout: listed } = await run("workers --json");

    worker.child.kill("SIGTERM");
    await expect.poll(worker.said).toContain("Worker is stopping.");
    await run(["enqueue", "sendReceipt", '{"orderId":"43"}']);
    const { writeFile } = await import("node:fs/promises");
    await writeFile(`${configuration.folder}/go`, "");

    expect(await worker.end).toEqual({ exitCode: 0, signal: null });
    expect(worker.said().match(/begun|ended/g)).toEqual(["begun", "ended"]);
    expect(await worker.stdout).toBe("");
    expect(JSON.parse(listed)).toMatchObject({
      workers: [{ isAlive: true, about: { name: "mailer", concurrency: 3, tasks: ["sendReceipt"] }, running: 1 }],
    });
    expect((await run("jobs list --json --state due")).stdout).toContain('"attempts": 0');
  });

  it("ends at once on the second signal, and its job runs again", async () => {
    await using test = await createTestJobs();
    await using configuration = await writeConfiguration(waitingBody);
    const run = cliOn(test.jobsUrl, { cwd: configuration.folder });
    const worker = await startWorker(test.jobsUrl, configuration.folder);
    await run(["enqueue", "sendReceipt", '{"orderId":"42"}']);
    await expect.poll(worker.said).toContain("begun");

    worker.child.kill("SIGTERM");
    await expect.poll(worker.said).toContain("Worker is stopping.");
    worker.child.kill("SIGTERM");

    expect(await worker.end).toEqual({ exitCode: null, signal: "SIGTERM" });
    expect((await run("jobs list --json")).stdout).toContain('"task": "sendReceipt"');
  });

  it("--probe-port answers whether it lives and gets jobs, with metrics, and nothing else", async () => {
    await using test = await createTestJobs();
    await using configuration = await writeConfiguration(waitingBody);
    const worker = await startWorker(test.jobsUrl, configuration.folder, ["--probe-port", "0"]);
    const port = /probes on port (\d+)/.exec(worker.said())?.[1];
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    };

    expect(await get("/live")).toMatchObject({ status: 200, text: "live\n" });
    expect(await get("/ready?x=1")).toMatchObject({ status: 200, text: "running\n" });
    expect(await get("/other")).toMatchObject({ status: 404, text: "/live, /ready, /metrics\n" });
    const metrics = await get("/metrics");
    expect(metrics).toMatchObject({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
    expect(metrics.text).toContain("\nacme_jobs_workers_alive 1\n");

    await cliOn(test.jobsUrl, { cwd: configuration.folder })(["enqueue", "sendReceipt", '{"orderId":"42"}']);
    await expect.poll(worker.said).toContain("begun");
    worker.child.kill("SIGTERM");
    await expect.poll(async () => (await get("/ready")).status).toBe(503);
    expect(await get("/live")).toMatchObject({ status: 200 });
  });

  it("--probe-port answers while the database does not", async () => {
    await using test = await createTestJobs();
    await using configuration = await writeConfiguration();
    await using proxy = await startProxy(test.jobsUrl);
    const worker = await startWorker(proxy.url, configuration.folder, ["--probe-port", "0"]);
    const port = /probes on port (\d+)/.exec(worker.said())?.[1];

    proxy.refuseConnections();
    proxy.cutAll();

    await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${port}/live`)).status).toBe(200);
    await proxy.acceptConnections();
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
  });

  it("ends with 1 and the reason if its port is taken or it gives up", async () => {
    await using test = await createTestJobs();
    await using configuration = await writeConfiguration("", "{ giveUpAfterMs: 1000 }");
    const first = await startWorker(test.jobsUrl, configuration.folder, ["--probe-port", "0"]);
    const port = /probes on port (\d+)/.exec(first.said())?.[1];

    const second = await cliOn(test.jobsUrl, { cwd: configuration.folder })(`worker --probe-port ${port}`);
    await test.jobsPool.query("alter table acme_jobs.workers rename to gone");

    expect(second).toMatchObject({ exitCode: 1, stdout: "" });
    expect(second.stderr).toMatch(/^acme-jobs: .*EADDRINUSE.*\n$/);
    expect(await first.end).toEqual({ exitCode: 1, signal: null });
    expect(first.said()).toMatch(/\nacme-jobs: .*\(\w+\)\n$/);
  });
});
