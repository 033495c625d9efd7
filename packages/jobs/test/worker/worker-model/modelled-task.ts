import { z } from "zod";
import { defineTask, perform, retry, type AttemptContext, type PerformableTask } from "../../../src/index.ts";
import { noteBeginning } from "./beginning.ts";
import { ends, type End } from "./ends.ts";
import { isOwner, type Model, type ModelWorker } from "./model.ts";
import { attemptsAllowed, retryDelayMs } from "./settings.ts";

export const modelled = defineTask("modelled", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: attemptsAllowed, delayMs: retryDelayMs }),
});

export interface Surroundings {
  readonly model: Model;
  readonly info: ModelWorker;
  /** By which pool of a worker a job is locked now. */
  readonly lockedBy: (n: number) => Promise<string | undefined>;
}

/** Its code waits at a gate, which the model opens, for how it is to end. */
export function performModelled({ model, info, lockedBy }: Surroundings): PerformableTask {
  return perform(modelled, async ({ n }, { attempt, jobId, signal }: AttemptContext) => {
    const gate = Promise.withResolvers<End>();
    const isOwned = isOwner(info, await lockedBy(n));
    const run = noteBeginning(model, info, { n, attempt, jobId, isOwned }, gate.resolve);
    signal.addEventListener("abort", () => gate.reject(signal.reason as Error));
    if (signal.aborted) gate.reject(signal.reason as Error);
    try {
      const end = await gate.promise;
      run.end = end;
      run.endedAt = Date.now();
      return ends[end]();
    } finally {
      run.end ??= "handed back";
    }
  });
}
