import type { createProgram } from "./global-options.ts";
import type { Action } from "./run-action.ts";

/** The root of all commands. */
export type Program = ReturnType<typeof createProgram>;

/** Runs an action with the options of the whole command line. */
export type Run = (action: Action) => Promise<void>;
