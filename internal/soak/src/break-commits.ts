import type { Proxy } from "@acme/test-postgres/proxy";
import { Client } from "pg";
import type { BrokenCommit } from "./faults.ts";
import type { Network } from "./network.ts";

/** What has been done to COMMITs of members, and how often nobody committed in time for it. */
export interface InjectedCommitFaults {
  readonly met: readonly BrokenCommit[];
  readonly unmetCount: number;
}

interface CommitBreaker {
  readonly injected: InjectedCommitFaults;
  /** Does this to the next COMMIT, unless that connection still waits for an earlier fault. */
  breakNext(fault: BrokenCommit): void;
  /** Resolves when no fault waits for a COMMIT, and no reply is held. */
  settled(): Promise<void>;
}

export interface CommitStage {
  readonly network: Network;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: (what: string) => void;
}

/** A fault that has found no COMMIT by then is taken back. */
const waitForMs = 2_000;
const tryAgainMs = 200;

export function createCommitBreaker({ network, pause, log }: CommitStage): CommitBreaker {
  const injected = { met: [] as BrokenCommit[], unmetCount: 0 };
  const armed = new Set<Proxy>();
  const underway = new Set<Promise<void>>();

  const carryOut = async (fault: BrokenCommit, proxy: Proxy) => {
    const { happened, release } = arm(fault.how, proxy);
    armed.add(proxy);
    const hasHappened = async (withinMs: number) =>
      Promise.race([happened.then(() => true), pause(withinMs).then(() => false)]);

    const isMet = await hasHappened(waitForMs);
    if (isMet) {
      injected.met.push(fault);
      log(`${fault.how} at a COMMIT of ${fault.target} in ${fault.database}`);
    } else {
      injected.unmetCount += 1;
      release();
      while (!(await canCommit(proxy.url)) && !(await hasHappened(tryAgainMs)));
    }
    armed.delete(proxy);

    if (!isMet || fault.how !== "hold-reply") return;
    await pause(fault.forMs);
    release();
  };

  return {
    injected,
    breakNext(fault) {
      const proxy = network.proxy(fault.target, fault.database);
      if (armed.has(proxy)) return;
      const done = carryOut(fault, proxy).finally(() => underway.delete(done));
      done.catch(() => undefined);
      underway.add(done);
    },
    async settled() {
      await Promise.all(underway);
    },
  };
}

function arm(how: BrokenCommit["how"], proxy: Proxy): { happened: Promise<void>; release: () => void } {
  if (how === "hold-reply") {
    const { held, release } = proxy.holdCommitReply();
    return { happened: held, release };
  }
  const happened = how === "drop-reply" ? proxy.dropCommitReply() : proxy.cutBeforeCommit();
  return { happened, release: () => undefined };
}

/**
 * Takes on itself what waits for the next COMMIT, so that it cannot meet anybody much later. When this COMMIT passes,
 * nothing waits any more: whoever had met the fault ended of something else before it was done.
 */
async function canCommit(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("commit");
    return true;
  } catch {
    return false;
  } finally {
    client.end().catch(() => undefined);
  }
}
