import type { Pool } from "pg";

/**
 * The key of what the test helpers need besides the public interface. A global symbol, because ESM and CJS builds may
 * meet.
 */
export const internals = Symbol.for("@acme/jobs:1:internals");

export interface JobsInternals {
  readonly jobsPool: () => Pool;
  readonly outboxPool: (() => Pool) | undefined;
}

export function internalsOf(jobs: object): JobsInternals {
  return (jobs as { readonly [internals]: JobsInternals })[internals];
}
