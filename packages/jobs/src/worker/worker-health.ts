import type { Failure } from "../graphile/pool-observer.ts";
import { createGiveUpTimer } from "./give-up-timer.ts";

/** Whether a worker gets on: by the last answer to each thing that it cannot do without. */
export interface WorkerHealth {
  readonly isWell: boolean;
  /** One more such thing. The result is called each time it has gone well, or has failed. */
  depend(): Dependency;
}

/** @param isWell - Whether the worker gets on with it. Default: if it has not failed. */
export type Dependency = (failure?: Failure, isWell?: boolean) => void;

export interface WorkerHealthOptions {
  readonly giveUpAfterMs: number;
  /** The database answers, but has refused one of them for that long. */
  readonly onGiveUp: (refusal: unknown) => void;
}

export function createWorkerHealth({ giveUpAfterMs, onGiveUp }: WorkerHealthOptions): WorkerHealth {
  const unwell = new Set<Dependency>();
  return {
    get isWell() {
      return unwell.size === 0;
    },
    // Each by itself: what goes well here says nothing about what is refused there.
    depend() {
      const timer = createGiveUpTimer(giveUpAfterMs, onGiveUp);
      const note: Dependency = (failure, isWell = failure === undefined) => {
        if (isWell) unwell.delete(note);
        else unwell.add(note);
        // Whatever a driver rejects with, also nothing.
        timer.note(failure && (failure.error ?? new Error("The driver named no error.")));
      };
      return note;
    },
  };
}

/** Tells a dependency how the work has ended. */
export async function noting<Result>(note: Dependency, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    note();
    return result;
  } catch (error) {
    note({ error });
    throw error;
  }
}
