import { AsyncLocalStorage } from "node:async_hooks";
import { processGlobal } from "./process-global.ts";

/** A unit of work as the code it runs can find it. */
export interface RunningUnit {
  readonly state: UnitState;
  /** Identifies the bus the unit publishes on. */
  readonly bus: object;
  /** Identifies the database, so that a unit inside a unit knows whether to join. */
  readonly database: object;
  /** Records for code that runs in this scope. */
  recordIn(scope: RunningScope, event: object): void;
}

/** `"undone"`: rolled back, or its outcome is unknown. */
export type UnitState = "running" | "committing" | "committed" | "undone";

/** A part of a running unit: all of it, or a savepoint. The caller's asynchronous context says which one it is in. */
export interface RunningScope {
  readonly unit: RunningUnit;
}

/** A scope whose work is running, and the one inside whose work that happens, of whichever unit. */
interface Running {
  readonly scope: RunningScope;
  readonly outer: Running | undefined;
}

const running = processGlobal("running-scopes", () => new AsyncLocalStorage<Running | undefined>());

export function runInside<Result>(scope: RunningScope, work: () => Result): Result {
  return running.run({ scope, outer: withoutCommitted(running.getStore()) }, work);
}

/**
 * Calls the function outside of every unit of work: what it starts, now or later, joins none, and what it publishes is published at once.
 *
 * For what outlives the unit that happens to start it (a worker, a queue, a timer, a batching loader), and for work that must be stored
 * whatever becomes of the unit around it. With that one's connection still checked out, such a run needs a second one from the pool.
 *
 * @example
 * const ticking = runOutsideUnits(() => setInterval(() => bus.publish(new CartEmptied()), 1_000));
 * await runOutsideUnits(() => unitOfWork.run(({ tx }) => tx("attempts").insert({ user_id: user.id })));
 */
export function runOutsideUnits<Result>(work: () => Result): Result {
  // Most callers are outside, and to enter a context costs more than all else here.
  return running.getStore() === undefined ? work() : running.run(undefined, work);
}

/**
 * The innermost scope of a unit, from the caller's point of view. Code that has outlived a unit that committed is outside of it. Where that was
 * undone, its scope is found, to refuse what comes: it may be about data that is gone.
 */
export function findScope(isWanted: (unit: RunningUnit) => boolean = () => true): RunningScope | undefined {
  let found = withoutCommitted(running.getStore());
  while (found && !isWanted(found.scope.unit)) found = withoutCommitted(found.outer);
  return found?.scope;
}

/** What is over for good need not be held on to by whatever is started in its context. */
function withoutCommitted(from: Running | undefined): Running | undefined {
  let found = from;
  while (found?.scope.unit.state === "committed") found = found.outer;
  return found;
}
