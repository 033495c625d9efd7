import { DomainEventsError } from "./errors.ts";
import type { UnitState } from "./current-unit.ts";

export function unitEnded(what: string, state: UnitState): DomainEventsError {
  return new DomainEventsError(
    "UNIT_ENDED",
    `${what} on a unit of work that ${state === "committing" ? "is committing" : "has ended"}. ` +
      "Await everything the work starts before it returns. Use runOutsideUnits() to start what should outlive the unit.",
  );
}

export function savepointEnded(what: string): DomainEventsError {
  return new DomainEventsError(
    "SAVEPOINT_ENDED",
    `${what} in a savepoint that has ended. Await everything its work starts before it returns.`,
  );
}

export function savepointOpen(what: string): DomainEventsError {
  return new DomainEventsError(
    "SAVEPOINT_OPEN",
    `${what} while a savepoint inside is still open, so it would be rolled back with that savepoint. ` +
      "Await savepoint() first, or use the context that savepoint() passes to its work.",
  );
}

export function unitDoomed(cause: unknown): DomainEventsError {
  return new DomainEventsError(
    "UNIT_DOOMED",
    "A part of this unit of work failed and its error was swallowed, so the whole unit was rolled back. " +
      "The part was a run() that had joined the unit, a statement that was refused, or an aggregate. " +
      "Let the error through, or wrap the part that may fail in savepoint().",
    { cause },
  );
}

export function savepointDoomed(cause: unknown): DomainEventsError {
  return new DomainEventsError(
    "SAVEPOINT_DOOMED",
    "A part of this savepoint failed and its error was swallowed, so the savepoint was rolled back. " +
      "The part was a run() that had joined the savepoint, or a statement that was refused. " +
      "Let the error through, or give the part that may fail a savepoint() of its own.",
    { cause },
  );
}

export function unknownSavepoint(name: string): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    `The work rolled back to the savepoint "${name}", or released it, but did not set it in this unit, or not within the ` +
      "current savepoint(). Nothing was published. Use savepoint() for a part that may fail.",
  );
}
