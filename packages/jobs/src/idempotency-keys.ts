import { checkNumber } from "./check-options.ts";
import { jobsStillThere } from "./graphile/backlog.ts";
import { jobIdPattern } from "./job/job-id.ts";
import { stillInOutbox } from "./outbox/outbox-table.ts";
import type { Queryable } from "./database/queryable.ts";
import type { IdempotencyKeys } from "./worker/worker-options.ts";

/** Which idempotency keys are old enough to be forgotten. */
export interface IdempotencyKeyRetention {
  /** Milliseconds since anybody came with the key, from 1 day. Default: 30 days. */
  readonly olderThanMs?: number;
}

const dayMs = 24 * 60 * 60 * 1_000;

/** Forgets the keys of jobs that cannot come back: none waits in the outbox, none is a job or a dead letter. */
export async function purgeIdempotencyKeys(
  idempotencyKeys: IdempotencyKeys,
  databases: { readonly jobs: () => Queryable; readonly outbox: (() => Queryable) | undefined },
  { olderThanMs = 30 * dayMs }: IdempotencyKeyRetention = {},
): Promise<number> {
  // A process may sleep in the middle of a job for that long, wake up and use a key once more.
  checkNumber("olderThanMs", olderThanMs, [dayMs, Number.MAX_SAFE_INTEGER]);

  const keep = async (keys: readonly string[]): Promise<string[]> => {
    const jobOf = new Map(keys.map((key) => [key, jobIdPattern.exec(key)?.[0]]));
    const ids = [...new Set(jobOf.values())].filter((id) => id !== undefined);
    // In this order: a job leaves the outbox only after it has arrived on the other side.
    const waiting = databases.outbox ? await stillInOutbox(databases.outbox(), ids.filter(isUuid)) : undefined;
    const there = await jobsStillThere(databases.jobs(), ids);
    return keys.filter((key) => {
      const id = jobOf.get(key);
      // A key of somebody else's making is theirs to forget.
      return id === undefined || waiting?.has(id) || there.has(id);
    });
  };
  return idempotencyKeys.purgeIdempotencyKeys({ olderThanMs, keep });
}

function isUuid(id: string): boolean {
  return !id.includes(":");
}
