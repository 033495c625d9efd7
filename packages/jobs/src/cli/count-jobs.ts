import type { Admin } from "../admin/admin.ts";
import type { JobFilter } from "../job/job-filter.ts";

const mostCounted = 10_000;
const pageSize = 1_000;

/** How many jobs fit a filter, counted to 10,000. */
export async function countJobs(
  admin: Admin,
  filter: JobFilter,
): Promise<{ readonly count: number; readonly isCapped: boolean }> {
  let count = 0;
  let after: string | undefined;
  do {
    const page = await admin.list({ ...filter, limit: pageSize, ...(after !== undefined && { after }) });
    count += page.jobs.length;
    after = page.next;
  } while (after !== undefined && count < mostCounted);
  return { count, isCapped: after !== undefined };
}
