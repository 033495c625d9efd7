import { terminateBackends } from "./terminate-backends.ts";
import type { Fault } from "./fault-plan.ts";
import type { Fleet } from "./fleet.ts";
import type { Server } from "./server.ts";

/** A SIGKILL that took place, by the clock of this machine. */
export interface Kill {
  readonly label: string;
  readonly at: Date;
}

/** What has been done to the system. */
export interface Damage {
  readonly kills: readonly Kill[];
  readonly pauseCount: number;
  readonly terminatedCount: number;
  readonly restartCount: number;
}

export interface Stage {
  readonly server: Server;
  readonly fleet: Fleet;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: (what: string) => void;
}

/** Lets each fault happen at its time, and resolves when the time is over and the server is up. */
export async function conduct(plan: readonly Fault[], durationMs: number, stage: Stage): Promise<Damage> {
  const { server, fleet, pause, log } = stage;
  const startedAt = performance.now();
  const kills: Kill[] = [];
  const counts = { pauseCount: 0, terminatedCount: 0, restartCount: 0 };
  let restarting = Promise.resolve();
  const waitUntil = (atMs: number) => pause(Math.max(0, atMs - (performance.now() - startedAt)));

  const restart = async (before: Promise<void>, downForMs: number) => {
    await before;
    await server.restart(downForMs);
    counts.restartCount += 1;
    log("the server is back");
  };
  const strike = async (fault: Fault) => {
    if (fault.kind === "kill") {
      const label = fleet.member(fault.target).kill();
      kills.push({ label, at: new Date() });
      return log(`killed ${label}`);
    }
    if (fault.kind === "pause") {
      fleet.member(fault.target).pause(fault.forMs);
      counts.pauseCount += 1;
      return log(`paused ${fault.target} for ${fault.forMs} ms`);
    }
    if (fault.kind === "terminate") {
      const count = await terminateBackends([server.urls.app, server.urls.jobs]);
      counts.terminatedCount += count;
      return log(`terminated ${count} backends`);
    }
    // The other faults go on while the server is away.
    log(`stopping the server for ${fault.downForMs} ms`);
    restarting = restart(restarting, fault.downForMs);
    restarting.catch(() => undefined);
  };

  for (const fault of plan) {
    await waitUntil(fault.atMs);
    await strike(fault);
  }
  await waitUntil(durationMs);
  await restarting;
  return { kills, ...counts };
}
