import type { Pool } from "pg";
import { askJobs } from "../database/ask-jobs.ts";
import { promptlyMs } from "../database/query-timeout.ts";
import { listJobs } from "../graphile/list-jobs.ts";
import type { JobFilter, Page } from "../job/job-filter.ts";
import { checkLimit } from "../check-values.ts";
import { checkAfter, checkFilter, pageNames } from "./check-filter.ts";
import type { JobPage } from "./job-details.ts";

export async function listPage(pool: () => Pool, given: JobFilter & Page = {}): Promise<JobPage> {
  checkFilter("list()", given, pageNames);
  const { limit = 100, after, ...filter } = given;
  checkLimit(limit);
  checkAfter(after);
  return askJobs(pool, (db) => listJobs(db, filter, { after: after ?? "0", limit }), promptlyMs);
}
