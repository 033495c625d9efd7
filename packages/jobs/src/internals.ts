import type { Pool } from "pg";

/** What the test helpers need of a `Jobs` besides its public face. A symbol, since ESM and CJS builds may meet. */
export const internals = Symbol.for("@acme/jobs:1:internals");

export interface JobsInternals {
  readonly jobsPool: () => Pool;
  readonly outboxPool: (() => Pool) | undefined;
}

export function internalsOf(jobs: object): JobsInternals {
  return (jobs as { readonly [internals]: JobsInternals })[internals];
}
