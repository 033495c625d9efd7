import type { Fault } from "./fault-plan.ts";
import type { Fleet } from "./fleet.ts";
import type { Server } from "./server.ts";
import { terminateBackends } from "./terminate-backends.ts";

/** A SIGKILL that took place, by the clock of this machine. */
export interface Kill {
  /** Member and incarnation. */
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
  const startedAt = performance.now();
  const waitUntil = (atMs: number) => stage.pause(Math.max(0, atMs - (performance.now() - startedAt)));
  const saboteur = createSaboteur(stage);
  try {
    for (const fault of plan) {
      await waitUntil(fault.atMs);
      await saboteur.strike(fault);
    }
    await waitUntil(durationMs);
  } finally {
    // A server that is on its way up must be known before anybody can stop it.
    await saboteur.settled();
  }
  return saboteur.damage;
}

function createSaboteur({ server, fleet, log }: Stage) {
  const damage = { kills: [] as Kill[], pauseCount: 0, terminatedCount: 0, restartCount: 0 };
  let restarting = Promise.resolve();

  const kill = ({ target }: FaultOf<"kill">) => {
    const label = fleet.member(target).kill();
    damage.kills.push({ label, at: new Date() });
    log(`killed ${label}`);
  };
  const pauseRelay = ({ target, forMs }: FaultOf<"pause">) => {
    fleet.member(target).pause(forMs);
    damage.pauseCount += 1;
    log(`paused ${target} for ${forMs} ms`);
  };
  const terminate = async () => {
    const count = await terminateBackends([server.urls.app, server.urls.jobs]);
    damage.terminatedCount += count;
    log(`terminated ${count} backends`);
  };
  const restart = async ({ downForMs }: FaultOf<"restart">, before: Promise<void>) => {
    await before;
    log(`stopping the server for ${downForMs} ms`);
    await server.restart(downForMs);
    damage.restartCount += 1;
    log("the server is back");
  };

  return {
    damage: damage as Damage,
    async strike(fault: Fault): Promise<void> {
      if (fault.kind === "kill") return kill(fault);
      if (fault.kind === "pause") return pauseRelay(fault);
      if (fault.kind === "terminate") return terminate();
      // Not waited for: the other faults go on while the server is away.
      restarting = restart(fault, restarting);
      restarting.catch(() => undefined);
    },
    settled: () => restarting,
  };
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;
