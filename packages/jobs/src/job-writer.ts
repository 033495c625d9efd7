import type { Pool } from "pg";
import { addJobs } from "./graphile/add-jobs.ts";
import { withPromisedWrites } from "./database/query-timeout.ts";
import type { JobRequest, WrittenRequests } from "./job/job-request.ts";
import { hasKeys, writeToOutbox } from "./outbox/outbox-table.ts";
import { mayShare, shareWrites } from "./shared-writes.ts";
import { toQueryable, type Queryable } from "./database/queryable.ts";
import { retryConflicts } from "./database/retry-conflicts.ts";

/** Writes new jobs, as job rows or as outbox rows. */
export interface JobWriter {
  /**
   * Writes in the transaction of `tx`, or at once.
   *
   * @param proofSql - An expression for the same statement to select, if the caller needs its value.
   */
  write(requests: readonly JobRequest[], tx?: unknown, proofSql?: string): Promise<WrittenRequests | undefined>;
}

/** The database of the data. */
interface OutboxSide {
  readonly db: () => Pool;
  /** Whether jobs must go through the outbox. They must until it is known that the jobs are in the same database. */
  readonly isNeeded: () => boolean;
  /** Whether the outbox may have rows of other processes that do not know this yet. */
  readonly canHaveRows: () => boolean;
}

/** Other transactions may have locked the key for a while, and many jobs take longer to write. */
const answerWithinMs = 30_000;
const perJobMs = 1;

export function createJobWriter(databases: {
  readonly jobs: () => Pool;
  readonly outbox: OutboxSide | undefined;
}): JobWriter {
  const { jobs, outbox } = databases;
  const writeOn = async (given: Queryable | undefined, requests: readonly JobRequest[], proofSql?: string) => {
    const connectionOf = (pool: () => Pool) =>
      given ?? withPromisedWrites(pool(), answerWithinMs + requests.length * perJobMs);
    const writeOnce = async () => {
      if (outbox && (outbox.isNeeded() || (await mustFollow(outbox, connectionOf, requests)))) {
        return writeToOutbox(connectionOf(outbox.db), requests, proofSql);
      }
      return addJobs(connectionOf(jobs), requests, proofSql);
    };
    return given === undefined ? retryConflicts(writeOnce) : writeOnce();
  };
  const writeShared = shareWrites((requests) => writeOn(undefined, requests));

  return {
    async write(requests, tx, proofSql) {
      const [first, ...more] = requests;
      if (first === undefined) return undefined;
      if (tx !== undefined) return writeOn(toQueryable(tx), requests, proofSql);
      if (more.length > 0 || proofSql !== undefined || !mayShare(first)) return writeOn(undefined, requests, proofSql);
      await writeShared(first);
      return undefined;
    },
  };
}

/**
 * A job whose key waits in the outbox must go there, too: otherwise the relay would later replace it by the older
 * payload.
 */
async function mustFollow(
  { canHaveRows, db }: OutboxSide,
  connectionOf: (pool: () => Pool) => Queryable,
  requests: readonly JobRequest[],
): Promise<boolean> {
  if (!canHaveRows()) return false;
  const keys = new Set(requests.flatMap(({ settings: { key } }) => key ?? []));
  return keys.size > 0 && hasKeys(connectionOf(db), [...keys]);
}
