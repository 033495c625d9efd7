import type { Blip, FaultOf, HeldJobs, TableLock, TimeLimit } from "./faults.ts";
import { holdJobs } from "./hold-jobs.ts";
import type { InjectedFaults } from "./injected-faults.ts";
import { limitStatements } from "./limit-statements.ts";
import { lockTable } from "./lock-table.ts";
import type { Stage } from "./stage.ts";

interface Hindrances {
  readonly injected: Pick<InjectedFaults, "blips" | "limits" | "locks" | "held">;
  /** Not waited for: it goes on beside the next faults. */
  blip(fault: FaultOf<"blip">): void;
  /** Not waited for either. */
  lock(fault: FaultOf<"lock">): void;
  /** Not waited for either. One after the other: the end of one must not end another. */
  hold(fault: FaultOf<"hold">): void;
  /** Resolves when there is no limit any more. */
  limit(fault: FaultOf<"limit">): Promise<void>;
  /** Resolves when the network is back, no table locked, and no job held. */
  settled(): Promise<void>;
}

/** Keeps statements from their work for a while: a network that is away, a limit, a lock. */
export function createHindrances({ server, network, pause, log }: Stage): Hindrances {
  const injected = {
    blips: [] as Blip[],
    limits: [] as TimeLimit[],
    locks: [] as TableLock[],
    held: [] as HeldJobs[],
  };
  let holding = Promise.resolve();
  const underway = new Set<Promise<void>>();

  const beside = (what: Promise<void>) => {
    const done = what.finally(() => underway.delete(done));
    done.catch(() => undefined);
    underway.add(done);
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
  const hold = async (fault: FaultOf<"hold">) => {
    await holdJobs(fault, () => server.urls.jobs, pause);
    injected.held.push(fault);
    log(`${JSON.stringify(fault.what)} was held for ${fault.forMs} ms`);
  };
  const limit = async (fault: FaultOf<"limit">) => {
    log(`${fault.setting} is ${fault.limitMs} ms for ${fault.forMs} ms`);
    await limitStatements(fault, () => server.urls);
    injected.limits.push(fault);
    log(`${fault.setting} is as before`);
  };

  return {
    injected,
    blip: (fault) => beside(blip(fault)),
    lock: (fault) => beside(lock(fault)),
    hold: (fault) => beside((holding = holding.then(() => hold(fault)))),
    limit,
    async settled() {
      await Promise.all(underway);
    },
  };
}
