import type { FaultOf } from "./faults.ts";
import type { InjectedFaults, Kill } from "./injected-faults.ts";
import type { Stage } from "./stage.ts";
import { terminateBackends } from "./terminate-backends.ts";

interface ProcessFaults {
  readonly injected: Pick<InjectedFaults, "kills" | "pauseCount" | "terminatedCount">;
  kill(fault: FaultOf<"kill">): void;
  pauseRelay(fault: FaultOf<"pause">): void;
  terminate(): Promise<void>;
}

/** Ends and pauses single processes, of members and of the server. */
export function createProcessFaults({ server, processes, log }: Stage): ProcessFaults {
  const injected = { kills: [] as Kill[], pauseCount: 0, terminatedCount: 0 };

  return {
    injected,
    kill({ target }) {
      const label = processes.member(target).kill();
      injected.kills.push({ label, at: new Date() });
      log(`killed ${label}`);
    },
    pauseRelay({ target, forMs }) {
      processes.member(target).pause(forMs);
      injected.pauseCount += 1;
      log(`paused ${target} for ${forMs} ms`);
    },
    async terminate() {
      const count = await terminateBackends([server.urls.app, server.urls.jobs]);
      injected.terminatedCount += count;
      log(`terminated ${count} backends`);
    },
  };
}
