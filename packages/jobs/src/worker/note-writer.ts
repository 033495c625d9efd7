import { noteFailures, type FailedAttempt } from "../graphile-failures.ts";
import type { Queryable } from "../queryable.ts";

/**
 * Writes notes as fast as the database takes them: those that come while one statement is under way share the next.
 *
 * Each promise resolves once its note is stored.
 */
export function createNoteWriter(db: Queryable): (failed: FailedAttempt) => Promise<void> {
  let waiting: FailedAttempt[] = [];
  let next: Promise<void> | undefined;
  let current: Promise<void> = Promise.resolve();

  const writeNext = async () => {
    await current.catch(() => undefined);
    const batch = waiting;
    waiting = [];
    current = next as Promise<void>;
    next = undefined;
    await noteFailures(db, batch);
  };

  return (failed) => {
    waiting.push(failed);
    return (next ??= writeNext());
  };
}
