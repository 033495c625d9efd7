import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/** How far Graphile Worker's tables are migrated. */
export interface Revision {
  readonly last: number;
  /** Whether a migration after the known one ends workers that do not know it. */
  readonly isBreaking: boolean;
}

/** The last revision of the version that this package was written for. */
export const knownRevision = 20;

/** @returns `undefined` if there are no such tables. */
export async function readRevision(db: Queryable): Promise<Revision | undefined> {
  const { rows: tables } = await db.query("select to_regclass('graphile_worker.migrations') is null as missing");
  if (isTrue(tables[0]?.["missing"])) return undefined;
  // Tables of versions before 0.16 lack the column "breaking".
  const { rows } = await db.query(
    `select max(id) as last,
       coalesce(bool_or((to_jsonb(migration) ->> 'breaking')::boolean and id > $1), false) as "isBreaking"
     from graphile_worker.migrations as migration`,
    [knownRevision],
  );
  const last = rows[0]?.["last"] ?? undefined;
  return last === undefined ? undefined : { last: Number(last), isBreaking: isTrue(rows[0]?.["isBreaking"]) };
}
