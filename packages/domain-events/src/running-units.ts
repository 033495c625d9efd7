import { AsyncLocalStorage } from "node:async_hooks";
import { processGlobal } from "./process-global.ts";

/** A unit of work as the code it runs can find it. */
export interface RunningUnit {
  readonly state: "running" | "committing" | "ended";
  /** Identifies the bus the unit publishes on. */
  readonly bus: object;
  /** Identifies the database, so that a unit inside a unit knows whether to join. */
  readonly database: object;
  /** The scope inside whose work this unit was started. */
  readonly outer: RunningScope | undefined;
  /** Records for code that runs in this scope. */
  recordIn(scope: RunningScope, event: object): void;
}

/** A part of a running unit: all of it, or a savepoint. The caller's asynchronous context says which one it is in. */
export interface RunningScope {
  readonly unit: RunningUnit;
}

const running = processGlobal("running-scopes", () => new AsyncLocalStorage<RunningScope | undefined>());

export function runInside<Result>(scope: RunningScope, work: () => Result): Result {
  return running.run(scope, work);
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
  return running.run(undefined, work);
}

/** The innermost scope of a unit that has not ended: code that outlived its unit is outside. */
export function findScope(isWanted: (unit: RunningUnit) => boolean = () => true): RunningScope | undefined {
  let scope = running.getStore();
  while (scope && (scope.unit.state === "ended" || !isWanted(scope.unit))) scope = scope.unit.outer;
  return scope;
}
