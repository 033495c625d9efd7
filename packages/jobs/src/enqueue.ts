import { addJobs } from "./graphile-jobs.ts";
import type { JobRequest, WrittenRequests } from "./job-request.ts";
import { writeToOutbox } from "./outbox/outbox.ts";
import { toQueryable, type Queryable } from "./queryable.ts";

/** Where new jobs go: beside the data, as job rows or as outbox rows. */
export interface JobWriter {
  /**
   * Writes in the transaction of `tx`, or at once.
   *
   * @param proofSql - An expression to select along, where somebody wants its value.
   */
  write(requests: readonly JobRequest[], tx?: unknown, proofSql?: string): Promise<WrittenRequests | undefined>;
}

export function createJobWriter(databases: {
  readonly jobs: () => Queryable;
  /** The outbox's connection, and whether jobs must go through it: they must until both are known to be one database. */
  readonly outbox: { readonly db: () => Queryable; readonly isNeeded: () => boolean } | undefined;
}): JobWriter {
  return {
    async write(requests, tx, proofSql) {
      if (requests.length === 0) return undefined;
      const { jobs, outbox } = databases;
      if (outbox?.isNeeded()) {
        return writeToOutbox(tx === undefined ? outbox.db() : toQueryable(tx), requests, proofSql);
      }
      return addJobs(tx === undefined ? jobs() : toQueryable(tx), requests, proofSql);
    },
  };
}
