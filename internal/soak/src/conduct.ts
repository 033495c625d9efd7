import { type CommitDamage, createCommitBreaker } from "./break-commits.ts";
import type { Fault, WayToStop } from "./fault-plan.ts";
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

/** A time in which the server was away, and after which it had recovered, by the clock of this machine. */
export interface Outage {
  readonly from: Date;
  readonly to: Date;
}

/** What has been done to the system. */
export interface Damage {
  readonly kills: readonly Kill[];
  readonly pauseCount: number;
  readonly terminatedCount: number;
  readonly crashCount: number;
  readonly restartCounts: Readonly<Record<WayToStop, number>>;
  readonly failoverCount: number;
  readonly outages: readonly Outage[];
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
  const damage = {
    kills: [] as Kill[],
    pauseCount: 0,
    terminatedCount: 0,
    crashCount: 0,
    restartCounts: { fast: 0, immediate: 0 },
    failoverCount: 0,
    outages: [] as Outage[],
    commits: commits.damage,
  };
  let underway = Promise.resolve();

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
  const crash = async () => {
    log("killing a backend");
    await server.crash();
    damage.crashCount += 1;
    log("the server has recovered");
  };
  const restart = async ({ how, downForMs }: FaultOf<"restart">) => {
    log(`stopping the server for ${downForMs} ms (${how})`);
    await (how === "fast" ? server.stop() : server.stopImmediately());
    // What only ends connections is the proxy; where no server is, nobody may listen.
    network.refuse();
    await pause(downForMs);
    await network.accept();
    await server.start();
    damage.restartCounts[how] += 1;
    log("the server is back");
  };
  const failOver = async () => {
    log("killing the primary");
    network.refuse();
    await server.failOver();
    network.redirect(server.urls);
    await network.accept();
    damage.failoverCount += 1;
    log(`the standby has taken over, on port ${server.port}`);
    network.refuse();
    await server.addStandby();
    await network.accept();
    log("it has a standby");
  };
  /** One after the other: each needs a server that is there. */
  const takeAway = (what: () => Promise<void>) => {
    const before = underway;
    const outage = async () => {
      await before;
      const from = new Date();
      await what();
      damage.outages.push({ from, to: new Date() });
    };
    underway = outage();
    underway.catch(() => undefined);
  };

  return {
    damage: damage as Damage,
    async strike(fault: Fault): Promise<void> {
      if (fault.kind === "kill") return kill(fault);
      if (fault.kind === "pause") return pauseRelay(fault);
      if (fault.kind === "terminate") return terminate();
      if (fault.kind === "commit") return commits.breakNext(fault);
      // Not waited for: the other faults go on while the server is away.
      if (fault.kind === "crash") return takeAway(crash);
      if (fault.kind === "failover") return takeAway(failOver);
      takeAway(() => restart(fault));
    },
    async settled(): Promise<void> {
      await underway;
      await commits.settled();
    },
  };
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;
