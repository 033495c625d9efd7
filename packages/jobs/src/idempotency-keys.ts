import { checkNumber } from "./check-options.ts";
import { jobsStillThere } from "./graphile/backlog.ts";
import { jobIdPattern } from "./job/job-id.ts";
import { stillInOutbox } from "./outbox/outbox-table.ts";
import type { Queryable } from "./database/queryable.ts";
import type { IdempotencyKeys } from "./worker/worker-options.ts";

/** When an idempotency key is old enough to be forgotten. */
export interface IdempotencyKeyRetention {
  /** Milliseconds since the key was last used, from 1 day. Default: 30 days. */
  readonly olderThanMs?: number;
}

const dayMs = 24 * 60 * 60 * 1_000;

/** Forgets the keys of jobs that cannot run again: those that are no outbox row, no job and no dead letter any more. */
export async function purgeIdempotencyKeys(
  idempotencyKeys: IdempotencyKeys,
  databases: { readonly jobs: () => Queryable; readonly outbox: (() => Queryable) | undefined },
  { olderThanMs = 30 * dayMs }: IdempotencyKeyRetention = {},
): Promise<number> {
  // At least a day: a process may be suspended in the middle of a job, wake up, and use its key once more.
  checkNumber("olderThanMs", olderThanMs, [dayMs, Number.MAX_SAFE_INTEGER]);

  const keep = async (keys: readonly string[]): Promise<string[]> => {
    const jobOf = new Map(keys.map((key) => [key, jobIdPattern.exec(key)?.[0]]));
    const ids = [...new Set(jobOf.values())].filter((id) => id !== undefined);
    // In this order: a job leaves the outbox only after it has arrived on the other side.
    const waiting = databases.outbox ? await stillInOutbox(databases.outbox(), ids.filter(isUuid)) : undefined;
    const there = await jobsStillThere(databases.jobs(), ids);
    return keys.filter((key) => {
      const id = jobOf.get(key);
      // A key that is not made from a job id belongs to the application, which forgets it.
      return id === undefined || waiting?.has(id) || there.has(id);
    });
  };
  return idempotencyKeys.purgeIdempotencyKeys({ olderThanMs, keep });
}

function isUuid(id: string): boolean {
  return !id.includes(":");
}
