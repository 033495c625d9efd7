import { AsyncLocalStorage } from "node:async_hooks";
import { processGlobal } from "./process-global.ts";

/** A unit of work, as the code inside it sees it. */
export interface RunningUnit {
  readonly state: UnitState;
  /** Identifies the bus the unit publishes on. */
  readonly bus: object;
  /** Identifies the database, so that a unit inside a unit knows whether to join. */
  readonly database: object;
  /** Records an event in that scope. */
  recordIn(scope: RunningScope, event: object): void;
}

/** `"undone"`: rolled back, or its outcome is unknown. */
export type UnitState = "running" | "committing" | "committed" | "undone";

/** A part of a running unit: all of it, or a savepoint. The caller's asynchronous context says which one it is in. */
export interface RunningScope {
  readonly unit: RunningUnit;
}

/** A scope whose work is running, and the scope around it, which may be of another unit. */
interface Running {
  readonly scope: RunningScope;
  readonly outer: Running | undefined;
}

const running = processGlobal("running-scopes", () => new AsyncLocalStorage<Running | undefined>());

export function runInside<Result>(scope: RunningScope, work: () => Result): Result {
  return running.run({ scope, outer: withoutCommitted(running.getStore()) }, work);
}

/**
 * Calls the function outside of every unit of work. Runs that the function starts, now or later, join no unit, and
 * events that it publishes are published at once.
 *
 * Use it for what outlives the unit that happens to start it (a worker, a queue, a timer, a batching loader). Use it
 * also for work that must be stored even if the unit around it rolls back. Such a run needs a second connection from
 * the pool, since the unit around it still holds its own.
 *
 * @throws what the function throws, and nothing else.
 *
 * @example
 * const ticking = runOutsideUnits(() => setInterval(() => bus.publish(new CartEmptied()), 1_000));
 * await runOutsideUnits(() => unitOfWork.run(({ tx }) => tx("attempts").insert({ user_id: user.id })));
 */
export function runOutsideUnits<Result>(work: () => Result): Result {
  // Most callers are outside of every unit already, and entering a context costs more than everything else here.
  return running.getStore() === undefined ? work() : running.run(undefined, work);
}

/**
 * The innermost scope of a unit in which the caller runs. Code that has outlived a unit which committed is outside of
 * that unit. If the unit was rolled back, its scope is still found, so that it can refuse the call, which may be about
 * data that is gone.
 */
export function findScope(isWanted: (unit: RunningUnit) => boolean = () => true): RunningScope | undefined {
  let found = withoutCommitted(running.getStore());
  while (found && !isWanted(found.scope.unit)) found = withoutCommitted(found.outer);
  return found?.scope;
}

/** Code that was started inside a scope must not keep the scope in memory once it is over for good. */
function withoutCommitted(from: Running | undefined): Running | undefined {
  let found = from;
  while (found?.scope.unit.state === "committed") found = found.outer;
  return found;
}
