import { AsyncLocalStorage } from "node:async_hooks";
import { processGlobal } from "./process-global.ts";

/** A unit of work as the code it runs can find it. */
export interface RunningUnit {
  readonly state: "running" | "committing" | "ended";
  /** Identifies the bus the unit publishes on. */
  readonly bus: object;
  /** Identifies the database, so that a unit inside a unit knows whether to join. */
  readonly database: object;
  /** The unit inside whose work this one was started. */
  readonly outer: RunningUnit | undefined;
  /** Records into the scope that is open now. */
  record(event: object): void;
}

const running = processGlobal("running-units", () => new AsyncLocalStorage<RunningUnit>());

export function runInside<Result>(unit: RunningUnit, work: () => Result): Result {
  return running.run(unit, work);
}

/** The innermost unit, whether it still runs or not. */
export function innermostUnit(): RunningUnit | undefined {
  return running.getStore();
}

/** The innermost unit of a bus. One that has ended is none: code that outlived it is outside. */
export function findUnit(isWanted: (unit: RunningUnit) => boolean): RunningUnit | undefined {
  let unit = running.getStore();
  while (unit && (unit.state === "ended" || !isWanted(unit))) unit = unit.outer;
  return unit;
}
