import type { OnAttempt } from "../worker/worker-dependencies.ts";
import type { DrainResult } from "./drain-options.ts";

/** Counts what becomes of attempts. */
export function countAttempts() {
  const counts = { done: 0, failed: 0, "put off": 0, dead: 0 };
  const count: OnAttempt = (outcome) => void (counts[outcome] += 1);
  const result = (): DrainResult => ({
    doneCount: counts.done,
    failedCount: counts.failed + counts.dead,
    snoozedCount: counts["put off"],
    deadCount: counts.dead,
  });
  const endedCount = () => Object.values(counts).reduce((sum, each) => sum + each);
  return { count, result, endedCount };
}
