import { createCommitBreaker } from "./break-commits.ts";
import type { Fault } from "./faults.ts";
import { createHindrances } from "./hindrances.ts";
import type { InjectedFaults } from "./injected-faults.ts";
import { createProcessFaults } from "./process-faults.ts";
import { createServerFaults } from "./server-faults.ts";
import type { Stage } from "./stage.ts";

interface FaultInjector {
  readonly injected: InjectedFaults;
  /** Resolves when it has begun; what takes its time goes on beside the next ones. */
  inject(fault: Fault): Promise<void>;
  /** Resolves when nothing goes on any more, and all is as it was. */
  settled(): Promise<void>;
}

export function createFaultInjector(stage: Stage): FaultInjector {
  const commits = createCommitBreaker(stage);
  const ofProcesses = createProcessFaults(stage);
  const ofServer = createServerFaults(stage);
  const hindrances = createHindrances(stage);

  return {
    get injected() {
      return {
        commits: commits.injected,
        ...ofProcesses.injected,
        ...ofServer.injected,
        ...hindrances.injected,
      };
    },
    async inject(fault) {
      if (fault.kind === "kill") return ofProcesses.kill(fault);
      if (fault.kind === "pause") return ofProcesses.pauseRelay(fault);
      if (fault.kind === "terminate") return ofProcesses.terminate();
      if (fault.kind === "commit") return commits.breakNext(fault);
      if (fault.kind === "blip") return hindrances.blip(fault);
      if (fault.kind === "lock") return hindrances.lock(fault);
      if (fault.kind === "hold") return hindrances.hold(fault);
      // A standby is a copy of its primary, settings included.
      if (fault.kind === "limit") return ofServer.inTurn(() => hindrances.limit(fault));
      ofServer.takeAway(fault);
    },
    async settled() {
      await hindrances.settled();
      await ofServer.settled();
      await commits.settled();
    },
  };
}
