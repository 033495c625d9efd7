import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import type { IdempotencyKeys } from "./worker-options.ts";

/** What a worker is built on. */
export interface WorkerDependencies {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Creates or updates the tables. Runs before the first job, and is repeated until it succeeds. */
  readonly prepare: () => Promise<void>;
  readonly purgeIdempotencyKeys: (idempotencyKeys: IdempotencyKeys) => Promise<number>;
}
