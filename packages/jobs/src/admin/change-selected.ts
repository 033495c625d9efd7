import type { Pool } from "pg";
import { changeInBatches, type ChangedBatch, type ChangeOptions, type ChangeResult } from "../change-in-batches.ts";
import { checkNames } from "../check-options.ts";
import { invalid } from "../check-values.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { announceJobs, batchSize, changeJobs, type BatchSource, type JobChange } from "../graphile/change-jobs.ts";
import { countJobs, lastJobId, type CountedJobs } from "../graphile/list-jobs.ts";
import type { JobRange } from "../graphile/job-window.ts";
import { settleFailures } from "../graphile/settle-failures.ts";
import type { JobFilter } from "../job/job-filter.ts";
import { checkFilter, checkId } from "./check-filter.ts";
import { findPlaces, normalizeId } from "./find-places.ts";
import type { JobSelection } from "./job-changes.ts";

interface Selected {
  readonly which: JobSelection;
  readonly options: ChangeOptions | undefined;
}

/** Changes the selected jobs in batches. */
export async function changeSelected(
  pool: () => Pool,
  change: JobChange,
  { which, options = {} }: Selected,
): Promise<ChangeResult> {
  checkNames(options, { what: "This change", known: ["signal", "onProgress"] satisfies (keyof ChangeOptions)[] });
  if (typeof which !== "object" || which === null) throw invalid("Say which jobs: { ids }, a filter, or {} for all.");
  if ("ids" in which) return changeByIds(pool, change, { ids: checkIds(which), options });
  checkFilter("A filter of jobs", which);
  return changeByFilter(pool, change, { filter: which, options });
}

const mostIds = 1_000;

function checkIds(which: { readonly ids: readonly string[] }): readonly string[] {
  checkNames(which, { what: "A selection by ids", known: ["ids"] });
  const { ids } = which;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > mostIds) {
    throw invalid(`"ids" must have 1 to ${mostIds} ids.`);
  }
  for (const id of ids) checkId(id);
  return ids as readonly string[];
}

async function changeByIds(
  pool: () => Pool,
  change: JobChange,
  { ids, options }: { readonly ids: readonly string[]; readonly options: ChangeOptions },
): Promise<ChangeResult> {
  const places = await findPlaces(pool, ids);
  const unknownCount = new Set(ids.map(normalizeId)).size - places.length;
  const result = await changeInBatches<number>(options, {
    count: async () => ({ count: places.length, isCapped: false }),
    async change(from = 0) {
      const batch = places.slice(from, from + batchSize);
      const { changedCount } = await changeBatch(pool, change, { places: batch });
      const next = from + batchSize < places.length ? from + batchSize : undefined;
      return { changedCount, skippedCount: batch.length - changedCount, next };
    },
  });
  return { ...result, skippedCount: result.skippedCount + unknownCount };
}

async function changeByFilter(
  pool: () => Pool,
  change: JobChange,
  { filter, options }: { readonly filter: JobFilter; readonly options: ChangeOptions },
): Promise<ChangeResult> {
  // Without an end, this would run after those who enqueue for ever.
  const upTo = await askJobs(pool, lastJobId);
  return changeInBatches<string>(options, {
    count: () => countToLimit(pool, filter, upTo),
    change: (after = "0") => changeBatch(pool, change, { filter, range: { after, upTo } }),
  });
}

async function changeBatch(pool: () => Pool, change: JobChange, source: BatchSource): Promise<ChangedBatch<string>> {
  return askJobs(pool, async (db) => {
    const { matchedCount, changedCount, unsettled, next } = await changeJobs(db, change, source);
    let changedLate = 0;
    if (unsettled.length > 0) {
      // What is to happen after their last attempt is done first: they may run again, or be dead letters then.
      await settleFailures(
        db,
        unsettled.map(({ jobId }) => jobId),
      );
      changedLate = (await changeJobs(db, change, { places: unsettled })).changedCount;
    }
    const changed = changedCount + changedLate;
    if (changed > 0 && change.kind === "reschedule" && change.runAt === "now") await announceJobs(db, changed);
    return { changedCount: changed, skippedCount: matchedCount - changed, next };
  });
}

const countedTo = 10_000;
const countedForMs = 2_000;

async function countToLimit(pool: () => Pool, filter: JobFilter, upTo: string) {
  const stopAt = performance.now() + countedForMs;
  let count = 0;
  let after: string | undefined = "0";
  while (after !== undefined && count <= countedTo && performance.now() < stopAt) {
    const range: JobRange = { after, upTo };
    const counted: CountedJobs = await askJobs(pool, (db) => countJobs(db, filter, range));
    count += counted.count;
    after = counted.next;
  }
  return { count: Math.min(count, countedTo), isCapped: after !== undefined || count > countedTo };
}
