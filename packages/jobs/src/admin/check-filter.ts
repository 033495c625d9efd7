import { checkNames, namesOf } from "../check-options.ts";
import { checkText, checkTime, invalid } from "../check-values.ts";
import type { JobFilter, Page } from "../job/job-filter.ts";
import type { JobState } from "../job/job-summary.ts";

const filterNames = namesOf<Required<JobFilter>>({
  task: true,
  state: true,
  hasFailed: true,
  queue: true,
  key: true,
  error: true,
  enqueuedBefore: true,
  enqueuedAfter: true,
});
export const pageNames = namesOf<Required<Page>>({ limit: true, after: true });
const states: readonly string[] = ["due", "scheduled", "locked", "failed"] satisfies JobState[];

/** @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkFilter(what: string, filter: JobFilter, more: readonly string[] = []): void {
  const { state, hasFailed, task, queue, key, error, enqueuedBefore, enqueuedAfter } = filter;
  checkNames(filter, { what, known: [...filterNames, ...more] });
  for (const [name, value] of Object.entries({ task, queue, key, error })) checkText(name, value);
  checkTime("enqueuedBefore", enqueuedBefore);
  checkTime("enqueuedAfter", enqueuedAfter);
  if (state !== undefined && !states.includes(state)) throw invalid(`"state" must be one of ${states.join(", ")}.`);
  if (hasFailed !== undefined && typeof hasFailed !== "boolean") throw invalid(`"hasFailed" must be true or false.`);
}

const greatestJobId = 2n ** 63n - 1n;

/** Whether it is Graphile Worker's number of a job. */
export function isJobId(id: string): boolean {
  return /^\d{1,19}$/.test(id) && BigInt(id) <= greatestJobId;
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for what cannot be `next` of a page. */
export function checkAfter(after: string | undefined): void {
  if (after === undefined || (typeof after === "string" && isJobId(after))) return;
  throw invalid(`"after" must be "next" of the page before.`);
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for what cannot be an id. */
export function checkId(id: unknown): void {
  if (id === undefined) throw invalid("The id of a job is missing.");
  checkText("id", id);
}
