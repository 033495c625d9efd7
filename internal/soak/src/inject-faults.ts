import type { InjectedCommitFaults } from "./break-commits.ts";
import type { Blip, Fault, TableLock, TimeLimit, WayToStop } from "./faults.ts";
import type { Processes } from "./processes.ts";
import type { Network } from "./network.ts";
import { createFaultInjector } from "./fault-injector.ts";
import type { Server } from "./server.ts";

/** A SIGKILL that took place, by the clock of this machine. */
export interface Kill {
  /** Member and incarnation. */
  readonly label: string;
  readonly at: Date;
}

/** A time in which the server was away, and after which it had recovered, by the clock of this machine. */
export interface Outage {
  readonly from: Date;
  readonly to: Date;
}

/** What has been done to the system. */
export interface InjectedFaults {
  readonly kills: readonly Kill[];
  readonly pauseCount: number;
  readonly terminatedCount: number;
  readonly crashCount: number;
  readonly restartCounts: Readonly<Record<WayToStop, number>>;
  readonly failoverCount: number;
  readonly outages: readonly Outage[];
  readonly commits: InjectedCommitFaults;
  readonly blips: readonly Blip[];
  readonly limits: readonly TimeLimit[];
  /** Those that were had. */
  readonly locks: readonly TableLock[];
}

export interface Stage {
  readonly server: Server;
  readonly network: Network;
  readonly processes: Processes;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: (what: string) => void;
}

/** Lets each fault happen at its time, and resolves when the time is over, the server is up and no fault waits. */
export async function injectFaults(plan: readonly Fault[], durationMs: number, stage: Stage): Promise<InjectedFaults> {
  const startedAt = performance.now();
  const waitUntil = (atMs: number) => stage.pause(Math.max(0, atMs - (performance.now() - startedAt)));
  const injector = createFaultInjector(stage);
  try {
    for (const fault of plan) {
      await waitUntil(fault.atMs);
      await injector.inject(fault);
    }
    await waitUntil(durationMs);
  } finally {
    // A server that is on its way up must be known before anybody can stop it.
    await injector.settled();
  }
  return injector.injected;
}
