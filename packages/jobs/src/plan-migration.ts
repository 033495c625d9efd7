import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pool } from "pg";
import { knownRevision, revisionOf } from "./graphile/migrate-graphile-worker.ts";
import { graphileSchema } from "./graphile/schema.ts";
import type { JobsInternals } from "./internals.ts";
import { readDone } from "./database/done-migrations.ts";
import { jobsMigrations, outboxMigrations, type Migration } from "./database/migrations.ts";
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
    ...(await planGraphileWorker(jobsPool())),
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

/** From the files that Graphile Worker is published with. */
async function planGraphileWorker(pool: Pool): Promise<PlannedStep[]> {
  const revision = (await revisionOf(pool)) ?? 0;
  if (revision >= knownRevision) return [];
  const folder = join(fileURLToPath(import.meta.resolve("graphile-worker")), "../../sql");
  const files = (await readdir(folder)).filter((name) => Number.parseInt(name, 10) > revision).toSorted();
  return Promise.all(
    files.map(async (name) => ({
      where: "jobs" as const,
      what: `Graphile Worker, revision ${Number.parseInt(name, 10)} of ${knownRevision}`,
      sql: (await readFile(join(folder, name), "utf8")).replaceAll(":GRAPHILE_WORKER_SCHEMA", graphileSchema).trimEnd(),
    })),
  );
}
