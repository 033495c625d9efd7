import type { Pool } from "pg";
import { pendingRevisions } from "./graphile/pending-revisions.ts";
import type { JobsInternals } from "./internals.ts";
import { readDone } from "./database/done-migrations.ts";
import type { Migration } from "./database/migration.ts";
import { jobsMigrations } from "./database/jobs-migrations.ts";
import { outboxMigrations } from "./database/outbox-migrations.ts";
import { JobsError } from "./errors.ts";
import { withQueryTimeout } from "./database/query-timeout.ts";

/** One step that `migrate()` would take. */
export interface PlannedStep {
  /** Of which database. */
  readonly where: "jobs" | "outbox";
  readonly what: string;
  readonly sql: string;
}

/** What `migrate()` would do, in its order. Changes nothing. */
export async function planMigration({ jobsPool, outboxPool }: JobsInternals): Promise<PlannedStep[]> {
  return [
    ...(outboxPool === undefined ? [] : await planPart(outboxPool(), "outbox", outboxMigrations)),
    ...(await pendingRevisions(jobsPool())).map((step) => ({ where: "jobs" as const, ...step })),
    ...(await planPart(jobsPool(), "jobs", jobsMigrations)),
  ];
}

async function planPart(
  pool: Pool,
  part: PlannedStep["where"],
  migrations: readonly Migration[],
): Promise<PlannedStep[]> {
  const { count } = await readDone(withQueryTimeout(pool), part).catch((error: unknown) => {
    if (error instanceof JobsError && error.code === "MIGRATION_MISSING") return { count: 0 };
    throw error;
  });
  return migrations.slice(count).map(({ sql }, index) => ({
    where: part,
    what: `@acme/jobs, version ${count + index + 1} of ${migrations.length}`,
    sql: sql.replace(/^\n/, "").trimEnd(),
  }));
}
