import type { Failure } from "../graphile/pool-observer.ts";
import { createGiveUpTimer } from "./give-up-timer.ts";

/** Whether a worker works: all its dependencies have answered well the last time. */
export interface WorkerHealth {
  readonly isWell: boolean;
  /** Adds a dependency. Call the returned function after each success, and with the error after each failure. */
  depend(): Dependency;
}

/** @param isWell - Whether the dependency works. Default: whether it has not failed. */
export type Dependency = (failure?: Failure, isWell?: boolean) => void;

export interface WorkerHealthOptions {
  readonly giveUpAfterMs: number;
  /** Called when the database answers, but has refused one of the dependencies for `giveUpAfterMs`. */
  readonly onGiveUp: (refusal: unknown) => void;
}

export function createWorkerHealth({ giveUpAfterMs, onGiveUp }: WorkerHealthOptions): WorkerHealth {
  const unwell = new Set<Dependency>();
  return {
    get isWell() {
      return unwell.size === 0;
    },
    // A timer for each dependency: the success of one says nothing about the refusal of another.
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

/** Reports to a dependency how the work has ended. */
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
