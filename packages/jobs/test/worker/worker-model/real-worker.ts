import { startProxy, terminateBackends, type Proxy } from "@acme/test-postgres";
import { expect } from "vitest";
import { createJobs, type Jobs, type Worker } from "../../../src/index.ts";
import { collectInto, type LogLine } from "../../support/test-jobs.ts";
import { endAbsence } from "./model.ts";
import { performModelled, type Surroundings } from "./modelled-task.ts";
import { deadAfterMs, heartbeatMs } from "./settings.ts";

/** A worker on a network of its own. */
export interface RealWorker extends AsyncDisposable {
  readonly log: LogLine[];
  readonly state: Worker["state"] | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  cut(): void;
  silence(): void;
  /** Resolves when it gives heartbeats again. */
  heal(): Promise<void>;
  /** The server ends its sessions, and their locks with them. */
  terminate(): Promise<void>;
}

export async function createRealWorker(surroundings: Surroundings, url: string): Promise<RealWorker> {
  const { info } = surroundings;
  const proxy: Proxy = await startProxy(url);
  const own = new URL(proxy.url);
  const applicationName = `worker ${info.index}`;
  own.searchParams.set("application_name", applicationName);
  const log: LogLine[] = [];
  const jobs: Jobs = createJobs({ connection: own.href, logger: collectInto(log) });
  let worker: Worker | undefined;

  return {
    log,
    get state() {
      return worker?.state;
    },
    async start() {
      const tasks = [performModelled(surroundings)];
      worker = await jobs.startWorker({ tasks, concurrency: 3, heartbeatMs, deadAfterMs, pollIntervalMs: 50 });
      info.isRunning = true;
    },
    async stop() {
      await worker?.stop({ deadlineMs: 0 });
      info.isRunning = false;
    },
    cut() {
      info.network = "cut";
      info.lostAt ??= Date.now();
      proxy.refuseConnections();
      proxy.cutAll();
    },
    silence() {
      info.network = "silent";
      proxy.goSilent();
    },
    async heal() {
      proxy.resume();
      await proxy.acceptConnections();
      info.network = "whole";
      if (info.isRunning) await expect.poll(() => worker?.state, { timeout: 20_000 }).toBe("running");
      endAbsence(info);
    },
    async terminate() {
      info.lostAt ??= Date.now();
      await terminateBackends(url, { applicationName });
    },
    async [Symbol.asyncDispose]() {
      proxy.resume();
      await worker?.stop({ deadlineMs: 0 }).catch(() => undefined);
      await jobs.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
