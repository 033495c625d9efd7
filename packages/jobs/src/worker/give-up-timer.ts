import { isPassing } from "../database/database-errors.ts";

/** Tells, once, when a database that answers has refused something for so long that waiting does not help. */
export function watchRefusals(patienceMs: number, onHopeless: (refusal: unknown) => void) {
  let refusedSince: number | undefined;
  let isHopeless = false;

  return {
    /** Something went well, or failed with this error. */
    note(error?: unknown): void {
      if (error === undefined) refusedSince = undefined;
      if (error === undefined || isPassing(error) || isHopeless) return;
      refusedSince ??= performance.now();
      if (performance.now() - refusedSince < patienceMs) return;
      isHopeless = true;
      onHopeless(error);
    },
  };
}
