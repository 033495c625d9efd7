import { type CommitDamage, createCommitBreaker } from "./break-commits.ts";
import type { Fault } from "./fault-plan.ts";
import type { Fleet } from "./fleet.ts";
import type { Network } from "./network.ts";
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
  readonly commits: CommitDamage;
}

export interface Stage {
  readonly server: Server;
  readonly network: Network;
  readonly fleet: Fleet;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: (what: string) => void;
}

/** Lets each fault happen at its time, and resolves when the time is over, the server is up and no fault waits. */
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

function createSaboteur(stage: Stage) {
  const { server, network, fleet, pause, log } = stage;
  const commits = createCommitBreaker(stage);
  const damage = { kills: [] as Kill[], pauseCount: 0, terminatedCount: 0, restartCount: 0, commits: commits.damage };
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
    await server.stop();
    // What only ends connections is the proxy; where no server is, nobody may listen.
    network.refuse();
    await pause(downForMs);
    await network.accept();
    await server.start();
    damage.restartCount += 1;
    log("the server is back");
  };

  return {
    damage: damage as Damage,
    async strike(fault: Fault): Promise<void> {
      if (fault.kind === "kill") return kill(fault);
      if (fault.kind === "pause") return pauseRelay(fault);
      if (fault.kind === "terminate") return terminate();
      if (fault.kind === "commit") return commits.breakNext(fault);
      // Not waited for: the other faults go on while the server is away.
      restarting = restart(fault, restarting);
      restarting.catch(() => undefined);
    },
    async settled(): Promise<void> {
      await restarting;
      await commits.settled();
    },
  };
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;
