import { setTimeout as pause } from "node:timers/promises";

const mostConflicts = 20;
const longestPauseMs = 20;

/** A transaction of its own that PostgreSQL has rolled back for another's sake may as well be tried again: databases may have `serializable` as their default. */
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
