import type { Pool } from "pg";
import type { Queryable } from "../database/queryable.ts";
import type { CurrentCounts } from "../statistics/current-counts.ts";
import type { Finding } from "./finding.ts";
import type { Thresholds } from "./thresholds.ts";

/** Which of the two databases is asked. */
export type DatabaseName = "jobs" | "outbox";

/** A database under examination. */
export interface Target {
  readonly name: DatabaseName;
  /** Each statement has a time limit. */
  readonly db: Queryable;
  readonly pool: Pool;
  /** What waits in the queue. Read at the first call. */
  readonly counts: () => Promise<CurrentCounts>;
  readonly thresholds: Thresholds;
}

/** A group of questions about one database. If one fails, the others still answer. */
export interface Check {
  /** What is looked at, as the end of "The check of …". */
  readonly what: string;
  readonly find: (target: Target) => Promise<readonly Finding[]>;
}

/** As findings name the two databases. */
export const titleOf = (name: DatabaseName) => (name === "jobs" ? "jobs database" : "database of the outbox");
