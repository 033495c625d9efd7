import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import type { FetchGate } from "../graphile/fetch-jobs.ts";
import type { IdempotencyKeys } from "./worker-options.ts";

/** Told what has become of an attempt, before it is written. Must not throw. */
export type OnAttempt = (outcome: "done" | "failed" | "put off" | "dead") => void;

/** What only tests ask of a worker. */
export type WorkerExtras = Pick<WorkerDependencies, "onAttempt" | "gate">;

/** What a worker is built on. */
export interface WorkerDependencies {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Creates or updates the tables. Runs before the first job, and is repeated until it succeeds. */
  readonly prepare: () => Promise<void>;
  readonly onAttempt?: OnAttempt | undefined;
  readonly gate?: FetchGate | undefined;
  readonly purgeIdempotencyKeys: (idempotencyKeys: IdempotencyKeys) => Promise<number>;
}
