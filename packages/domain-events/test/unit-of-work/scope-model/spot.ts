import type { UnitContext } from "../../../src/index.ts";
import type { Ledger, Place, Root, Source } from "./ledger.ts";
import type { Step } from "./program.ts";
import type { Side, World } from "./world.ts";

/** Where in a program its work is. */
export interface Spot<Tx> {
  readonly context: UnitContext<Tx>;
  /** What statements are sent on: the context's own, or a nested transaction of knex. */
  readonly tx: Tx;
  readonly side: Side<Tx>;
  readonly place: Place;
  /** How many branches and parts that nobody awaits are at work in the same scope, and what has succeeded there. */
  readonly scope: { siblingCount: number; readonly done: number[] };
  /** In code that may outlive its scope. */
  readonly mayBeLeft: boolean;
  /** Between two statements that set and leave a savepoint of the work's own: what siblings do there is torn apart with them. */
  readonly isInOwnSavepoint: boolean;
}

/** What a step needs of the program that it is part of. */
export interface Performing<Tx> {
  readonly world: World<Tx>;
  readonly ledger: Ledger;
  readonly isUncertain: boolean;
  /** Tracked by the unit from the beginning. */
  readonly root: Root;
  readonly source: Source;
  performAll(steps: readonly Step[], spot: Spot<Tx>): Promise<void>;
  /** Lets others go on, where there may be others. */
  turn(): Promise<void>;
  /** Runs once the unit has ended, in the asynchronous context of here and now. */
  afterwards(act: (isCommitted: boolean) => Promise<void>): void;
}

/** In a run() that has joined the unit around it, or has found that to be over. */
export function joinedSpot<Tx>(spot: Spot<Tx>, context: UnitContext<Tx>): Spot<Tx> {
  const { tx } = context;
  // A nested transaction of knex stays: a second one of the same parent would wait for its end.
  if (tx === spot.place.tx) return { ...spot, context };
  return { ...spot, context, tx, place: { name: "outside", tx, isWorking: false }, ...newScope() };
}

export function newScope(): Pick<Spot<unknown>, "scope" | "isInOwnSavepoint"> {
  return { scope: { siblingCount: 0, done: [] }, isInOwnSavepoint: false };
}

export function outcomeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}
