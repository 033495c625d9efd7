import type { Pool } from "pg";
import { checkNames } from "../check-options.ts";
import { checkLimit } from "../check-values.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import type { Page } from "../job/job-filter.ts";
import { outboxPage, type OutboxInfo } from "../outbox/outbox-rows.ts";
import { checkAfter, pageNames } from "./check-filter.ts";

export async function listOutbox(outbox: (() => Pool) | undefined, page: Page = {}): Promise<OutboxInfo | undefined> {
  checkNames(page, { what: "outbox()", known: pageNames });
  const { limit = 100, after } = page;
  checkLimit(limit);
  checkAfter(after);
  return outbox && outboxPage(withQueryTimeout(outbox(), promptlyMs), { after: after ?? "-1", limit });
}
