import { appendFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { openSoakTables, type Urls } from "./soak-tables.ts";
import { injectFaults } from "./inject-faults.ts";
import type { InjectedFaults } from "./injected-faults.ts";
import { drain, type Pools } from "./drain.ts";
import { planFaults } from "./fault-plan.ts";
import { startProcesses } from "./processes.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { startNetwork } from "./network.ts";
import { reconcile, type Reconciliation } from "./reconcile.ts";
import { measureRecovery, type RecoveryTimes } from "./recovery-times.ts";
import { startServerWithStandby } from "./server.ts";

export interface SoakOptions {
  readonly durationMs: number;
  readonly seed: number;
  readonly logDirectory: string;
  /** Ends the soak early, and all of its processes with it. */
  readonly signal: AbortSignal;
}

export interface SoakReport extends Reconciliation {
  readonly anomalies: readonly string[];
  readonly injected: InjectedFaults;
  readonly ledger: Ledger;
  readonly drain: { readonly isDrained: boolean; readonly tookMs: number };
  readonly recovery: RecoveryTimes;
}

const drainWithinMs = 180_000;

/**
 * Writers, workers and relays under faults for so long; then all is left to finish, and every row is counted.
 *
 * When the promise settles, no process of it is left.
 */
export async function runSoak({ durationMs, seed, logDirectory, signal }: SoakOptions): Promise<SoakReport> {
  const pause = async (ms: number) => delay(ms, undefined, { signal });
  const log = (what: string) =>
    appendFileSync(path.join(logDirectory, "injector.log"), `${new Date().toISOString()} ${what}\n`);

  await using server = await startServerWithStandby();
  log(`the server listens on port ${server.port}`);
  await openSoakTables(server.urls);
  const ledger = createLedger();
  await using network = await startNetwork(server.urls);
  await using processes = startProcesses({ network, seed, logDirectory, onMessage: ledger.note });
  const injected = await injectFaults(planFaults({ seed, durationMs }), durationMs, {
    server,
    network,
    processes,
    pause,
    log,
  });

  await using pools = openPools(server.urls);
  log("the faults are over");
  await processes.stop("writer");
  const drained = await drain(pools, drainWithinMs, pause);
  log(drained.isDrained ? "drained" : "not drained in time");
  await processes.stop("worker");
  await processes.stop("relay");
  return {
    ...(await reconcile(pools, ledger, injected.outages)),
    recovery: await measureRecovery(pools.app, injected.kills),
    anomalies: processes.anomalies,
    injected,
    ledger,
    drain: drained,
  };
}

/** Where the children and the injector write what happened. */
export function makeLogDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), "acme-soak-"));
}

function openPools(urls: Urls): Pools & AsyncDisposable {
  const pools = { app: openPool(urls.app), jobs: openPool(urls.jobs) };
  return {
    ...pools,
    async [Symbol.asyncDispose]() {
      await Promise.all([pools.app.end(), pools.jobs.end()]);
    },
  };
}

function openPool(connectionString: string): Pool {
  const pool = new Pool({ connectionString, max: 2 });
  // A query that fails says so itself.
  pool.on("error", () => undefined);
  return pool;
}
