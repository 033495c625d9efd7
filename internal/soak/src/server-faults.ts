import type { FaultOf } from "./faults.ts";
import type { InjectedFaults, Outage } from "./injected-faults.ts";
import type { Stage } from "./stage.ts";

interface ServerFaults {
  readonly injected: Pick<InjectedFaults, "crashCount" | "restartCounts" | "failoverCount" | "outages">;
  /** Not waited for: the other faults go on while the server is away. */
  takeAway(fault: FaultOf<"crash" | "restart" | "failover">): void;
  /** Does it when the server is there, and leaves it there meanwhile. */
  inTurn(what: () => Promise<void>): void;
  settled(): Promise<void>;
}

/** Takes the server away and brings it back; one thing after the other, since each needs a server that is there. */
export function createServerFaults({ server, network, pause, log }: Stage): ServerFaults {
  const injected = {
    crashCount: 0,
    restartCounts: { fast: 0, immediate: 0 },
    failoverCount: 0,
    outages: [] as Outage[],
  };
  let underway = Promise.resolve();

  const crash = async () => {
    log("killing a backend");
    await server.crash();
    injected.crashCount += 1;
    log("the server has recovered");
  };
  const restart = async ({ how, downForMs }: FaultOf<"restart">) => {
    log(`stopping the server for ${downForMs} ms (${how})`);
    await (how === "fast" ? server.stop() : server.stopImmediately());
    // What only ends connections is the proxy; where no server is, nobody may listen.
    const refusal = network.refuse("all");
    await pause(downForMs);
    await refusal.end();
    await server.start();
    injected.restartCounts[how] += 1;
    log("the server is back");
  };
  const failOver = async () => {
    log("killing the primary");
    const refusal = network.refuse("all");
    await server.failOver();
    network.redirect(server.urls);
    await refusal.end();
    injected.failoverCount += 1;
    log(`the standby has taken over, on port ${server.port}`);
    const again = network.refuse("all");
    await server.addStandby();
    await again.end();
    log("it has a standby");
  };
  const inTurn = (what: () => Promise<void>) => {
    const before = underway;
    underway = (async () => {
      await before;
      await what();
    })();
    underway.catch(() => undefined);
  };

  return {
    injected,
    takeAway(fault) {
      inTurn(async () => {
        const from = new Date();
        if (fault.kind === "crash") await crash();
        else if (fault.kind === "failover") await failOver();
        else await restart(fault);
        injected.outages.push({ from, to: new Date() });
      });
    },
    inTurn,
    settled: () => underway,
  };
}
