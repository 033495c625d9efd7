import { isTransient, isUnreachable } from "../database/database-errors.ts";

/** Tells, once, when a database that answers has refused something for so long that waiting does not help. */
export function createGiveUpTimer(limitMs: number, onGiveUp: (refusal: unknown) => void) {
  let refusedSince: number | undefined;
  let hasGivenUp = false;

  return {
    /** Something went well, or failed with this error. */
    note(error?: unknown): void {
      // Nothing is refused by a database that does not answer.
      if (error === undefined || isUnreachable(error)) refusedSince = undefined;
      if (error === undefined || isTransient(error) || hasGivenUp) return;
      refusedSince ??= performance.now();
      if (performance.now() - refusedSince < limitMs) return;
      hasGivenUp = true;
      onGiveUp(error);
    },
  };
}
