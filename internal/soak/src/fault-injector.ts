import { createCommitBreaker } from "./break-commits.ts";
import type { InjectedFaults, Kill, Stage } from "./inject-faults.ts";
import type { Blip, Fault, FaultOf, TableLock, TimeLimit } from "./faults.ts";
import { limitStatements } from "./limit-statements.ts";
import { lockTable } from "./lock-table.ts";
import { createServerFaults } from "./server-faults.ts";
import { terminateBackends } from "./terminate-backends.ts";

interface FaultInjector {
  readonly injected: InjectedFaults;
  /** Resolves when it has begun; what takes its time goes on beside the next ones. */
  inject(fault: Fault): Promise<void>;
  /** Resolves when nothing goes on any more, and all is as it was. */
  settled(): Promise<void>;
}

export function createFaultInjector(stage: Stage): FaultInjector {
  const { server, network, processes, pause, log } = stage;
  const commits = createCommitBreaker(stage);
  const ofServer = createServerFaults(stage);
  const injected = {
    kills: [] as Kill[],
    pauseCount: 0,
    terminatedCount: 0,
    commits: commits.injected,
    blips: [] as Blip[],
    limits: [] as TimeLimit[],
    locks: [] as TableLock[],
  };
  const underway = new Set<Promise<void>>();

  const beside = (what: Promise<void>) => {
    const done = what.finally(() => underway.delete(done));
    done.catch(() => undefined);
    underway.add(done);
  };
  const kill = ({ target }: FaultOf<"kill">) => {
    const label = processes.member(target).kill();
    injected.kills.push({ label, at: new Date() });
    log(`killed ${label}`);
  };
  const pauseRelay = ({ target, forMs }: FaultOf<"pause">) => {
    processes.member(target).pause(forMs);
    injected.pauseCount += 1;
    log(`paused ${target} for ${forMs} ms`);
  };
  const terminate = async () => {
    const count = await terminateBackends([server.urls.app, server.urls.jobs]);
    injected.terminatedCount += count;
    log(`terminated ${count} backends`);
  };
  const blip = async (fault: FaultOf<"blip">) => {
    const { target, how, forMs } = fault;
    const hindrance = how === "cut" ? network.refuse(target) : network.silence(target);
    if (how === "cut") network.cut(target);
    log(`the network of ${target} is ${how} for ${forMs} ms`);
    try {
      await pause(forMs);
    } finally {
      await hindrance.end();
    }
    injected.blips.push(fault);
    log(`the network of ${target} is back`);
  };
  const lock = async (fault: FaultOf<"lock">) => {
    const wasHad = await lockTable(fault, server.urls);
    if (wasHad) injected.locks.push(fault);
    log(`${fault.table} was ${wasHad ? `locked for ${fault.forMs} ms` : "not to be locked"}`);
  };
  const limit = async (fault: FaultOf<"limit">) => {
    log(`${fault.setting} is ${fault.limitMs} ms for ${fault.forMs} ms`);
    await limitStatements(fault, () => server.urls);
    injected.limits.push(fault);
    log(`${fault.setting} is as before`);
  };

  return {
    get injected() {
      return { ...injected, ...ofServer.injected };
    },
    async inject(fault) {
      if (fault.kind === "kill") return kill(fault);
      if (fault.kind === "pause") return pauseRelay(fault);
      if (fault.kind === "terminate") return terminate();
      if (fault.kind === "commit") return commits.breakNext(fault);
      if (fault.kind === "blip") return beside(blip(fault));
      if (fault.kind === "lock") return beside(lock(fault));
      // A standby is a copy of its primary, settings included.
      if (fault.kind === "limit") return ofServer.inTurn(() => limit(fault));
      ofServer.takeAway(fault);
    },
    async settled() {
      await Promise.all(underway);
      await ofServer.settled();
      await commits.settled();
    },
  };
}
