import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { knownRevision, readRevision } from "./revision.ts";
import { graphileSchema } from "./schema.ts";

/** One of Graphile Worker's own migrations. */
export interface PendingRevision {
  readonly what: string;
  readonly sql: string;
}

/** The revisions that a database lacks, in their order, from the files that Graphile Worker is published with. */
export async function pendingRevisions(pool: Pool): Promise<PendingRevision[]> {
  const revision = (await readRevision(withQueryTimeout(pool)))?.last ?? 0;
  if (revision >= knownRevision) return [];
  const folder = join(fileURLToPath(import.meta.resolve("graphile-worker")), "../../sql");
  const files = (await readdir(folder)).filter((name) => Number.parseInt(name, 10) > revision).toSorted();
  return Promise.all(
    files.map(async (name) => ({
      what: `Graphile Worker, revision ${Number.parseInt(name, 10)} of ${knownRevision}`,
      sql: (await readFile(join(folder, name), "utf8")).replaceAll(":GRAPHILE_WORKER_SCHEMA", graphileSchema).trimEnd(),
    })),
  );
}
