import { isTransient, isUnreachable } from "../database/database-errors.ts";

/** Calls back, once, when a database that answers has refused a statement for so long that waiting does not help. */
export function createGiveUpTimer(limitMs: number, onGiveUp: (refusal: unknown) => void) {
  let refusedSince: number | undefined;
  let hasGivenUp = false;

  return {
    /** Call it after each success, and with the error after each failure. */
    note(error?: unknown): void {
      // A database that does not answer has not refused anything.
      if (error === undefined || isUnreachable(error)) refusedSince = undefined;
      if (error === undefined || isTransient(error) || hasGivenUp) return;
      refusedSince ??= performance.now();
      if (performance.now() - refusedSince < limitMs) return;
      hasGivenUp = true;
      onGiveUp(error);
    },
  };
}
