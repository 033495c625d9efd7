import { setTimeout as pause } from "node:timers/promises";

const mostConflicts = 20;
const longestPauseMs = 20;

/**
 * Repeats a write that is a transaction of its own, if PostgreSQL has rolled it back because of another transaction. Databases
 * may have `serializable` as their default.
 */
export async function retryConflicts<Result>(write: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (tries > mostConflicts || (code !== "40001" && code !== "40P01")) throw error;
      await pause(Math.random() * longestPauseMs);
    }
  }
}
