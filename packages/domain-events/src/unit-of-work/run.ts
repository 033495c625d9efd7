import { DomainEventsError } from "../errors.ts";
import type { RunOptions } from "./run-options.ts";
import type { UnitContext } from "./unit-context.ts";

/** The code that runs in a transaction. */
export type Work<Tx, Result> = (context: UnitContext<Tx>) => PromiseLike<Result> | Result;

/** One call of `run()`. */
export interface Run<Tx, Result> {
  readonly work: Work<Tx, Result>;
  readonly options: RunOptions;
}

export function checkWork(work: unknown): void {
  if (typeof work === "function") return;
  throw new DomainEventsError("OPTIONS_INVALID", "run() takes a function: run(async ({ tx, record }) => { … }).");
}
