import { readDone, type DoneMigrations } from "../database/done-migrations.ts";
import { jobsMigrations } from "../database/jobs-migrations.ts";
import { outboxMigrations } from "../database/outbox-migrations.ts";
import type { Queryable } from "../database/queryable.ts";
import { knownRevision, readRevision } from "../graphile/revision.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";

interface Tables {
  readonly place: string;
  readonly whose: string;
  readonly done: number;
  readonly known: number;
}

/** Whether the tables are there, in the version that this package knows. */
export async function checkSchema({ name, db }: Target): Promise<readonly Finding[]> {
  const place = titleOf(name);
  const known = (name === "jobs" ? jobsMigrations : outboxMigrations).length;
  const { count: done, neededVersion } = await doneMigrations(db, name);
  const found = ownTables({ place, whose: `of the ${name}`, done, known }, neededVersion);
  return name === "outbox" ? found : [...found, ...(await graphileTables(db, place))];
}

async function doneMigrations(db: Queryable, part: string): Promise<DoneMigrations> {
  const { rows: tables } = await db.query("select to_regclass('acme_jobs.migrations') is null as missing");
  return tables[0]?.["missing"] === true ? { count: 0, neededVersion: 0 } : readDone(db, part);
}

function ownTables(tables: Tables, neededVersion: number): readonly Finding[] {
  const { done, known } = tables;
  if (done === 0) return [missing(tables)];
  if (done < known) return [older(tables)];
  return done > known ? [newer(tables, { isBreaking: neededVersion > known })] : [];
}

async function graphileTables(db: Queryable, place: string): Promise<readonly Finding[]> {
  const revision = await readRevision(db);
  const tables = { place, whose: "of Graphile Worker", done: revision?.last ?? 0, known: knownRevision };
  if (revision === undefined) return [missing(tables)];
  if (revision.last < knownRevision) return [older(tables)];
  return revision.last > knownRevision ? [newer(tables, { isBreaking: revision.isBreaking })] : [];
}

function missing({ place, whose }: Tables): Finding {
  return finding({
    code: "SCHEMA_MISSING",
    severity: "error",
    what: `The tables ${whose} are not in the ${place}.`,
    why: "Whatever needs them rejects with MIGRATION_MISSING.",
    mend: "Check that the URL names the right database; if so, create the tables as the role that shall own them.",
    command: "acme-jobs migrate",
  });
}

function older({ place, whose, done, known }: Tables): Finding {
  return finding({
    code: "SCHEMA_OLD",
    severity: "error",
    what: `The tables ${whose} in the ${place} have version ${done}; this package needs ${known}.`,
    why: "Workers of this version do not start without the migration, and statements about new columns fail.",
    mend: "Run the migration as the role that owns the tables. Workers of the version before go on.",
    command: "acme-jobs migrate",
  });
}

function newer({ place, whose, done, known }: Tables, { isBreaking }: { readonly isBreaking: boolean }): Finding {
  return finding({
    code: "SCHEMA_NEWER",
    severity: isBreaking ? "error" : "warning",
    what: `A later version has migrated the tables ${whose} in the ${place} to version ${done}; this one knows ${known}.`,
    why: isBreaking
      ? "This version cannot work with these tables: it rejects with MIGRATION_NEWER."
      : "The later version says that older ones can go on. That was not tried with this one.",
    mend: "Update @acme/jobs in this process, and in all workers.",
    command: "acme-jobs workers",
  });
}
