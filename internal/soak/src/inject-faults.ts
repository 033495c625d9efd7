import { createFaultInjector } from "./fault-injector.ts";
import type { Fault } from "./faults.ts";
import type { InjectedFaults } from "./injected-faults.ts";
import type { Stage } from "./stage.ts";

/** Lets each fault happen at its time, and resolves when the time is over, the server is up and no fault waits. */
export async function injectFaults(plan: readonly Fault[], durationMs: number, stage: Stage): Promise<InjectedFaults> {
  const startedAt = performance.now();
  const waitUntil = (atMs: number) => stage.pause(Math.max(0, atMs - (performance.now() - startedAt)));
  const injector = createFaultInjector(stage);
  try {
    for (const fault of plan) {
      await waitUntil(fault.atMs);
      await injector.inject(fault);
    }
    await waitUntil(durationMs);
  } finally {
    // A server that is on its way up must be known before anybody can stop it.
    await injector.settled();
  }
  return injector.injected;
}
