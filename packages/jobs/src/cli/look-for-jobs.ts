import type { Admin } from "../admin/admin.ts";
import type { JobPage } from "../admin/job-details.ts";
import type { JobFilter, Page } from "../job/job-filter.ts";
import type { JobSummary } from "../job/job-summary.ts";

/** Some 100,000 jobs. Whoever asks gets an answer within half a second, and can go on from there. */
const longestLookMs = 150;

/**
 * Asks for pages until there are enough jobs, because a page that looks at many jobs may find few.
 *
 * @param withinMs - After that, it asks for no further page.
 */
export async function lookForJobs(
  admin: Admin,
  { limit = 100, after, ...filter }: JobFilter & Page,
  withinMs = longestLookMs,
): Promise<JobPage> {
  const stopAt = performance.now() + withinMs;
  const found: JobSummary[] = [];
  let next = after;
  do {
    const left = limit - found.length;
    const page = await admin.list({ ...filter, limit: left, ...(next !== undefined && { after: next }) });
    found.push(...page.jobs);
    next = page.next;
  } while (next !== undefined && found.length < limit && performance.now() < stopAt);
  return { jobs: found, next };
}
