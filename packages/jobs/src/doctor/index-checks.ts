import { isTrue } from "@acme/shared/is-true";
import { graphileIndexes } from "../graphile/indexes.ts";
import { graphileSchema } from "../graphile/schema.ts";
import { titleOf, type DatabaseName, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { few } from "./words.ts";

/** What our migrations have made. A test compares them with the database. */
const ownIndexes: Readonly<Record<DatabaseName, readonly string[]>> = {
  jobs: [
    "dead_letters_died_at",
    "dead_letters_pkey",
    "dead_letters_task",
    "failures_idempotency_key",
    "failures_pkey",
    "failures_unsettled",
    "installation_pkey",
    "markers_pkey",
    "minutes_pkey",
    "sampler_pkey",
    "samples_pkey",
    "schedules_pkey",
    "pauses_pkey",
    "taken_outbox",
    "taken_pkey",
    "tasks_pkey",
    "workers_pkey",
  ],
  outbox: ["outbox_identity_pkey", "outbox_key", "outbox_pkey", "outbox_position"],
};

/** The names of all indexes that should be there. */
export function expectedIndexes(database: DatabaseName): readonly string[] {
  const own = ["migrations_pkey", ...ownIndexes[database]].map((name) => `acme_jobs.${name}`);
  if (database === "outbox") return own;
  return [...own, ...graphileIndexes.map((name) => `${graphileSchema}.${name}`)];
}

/** An index that is just being built concurrently is not valid yet. A role that may not see the build sees an invalid index. */
const indexesSql = `
  select relnamespace::regnamespace::text || '.' || relname as name, indisvalid and indisready as "isValid"
  from pg_index join pg_class on pg_class.oid = indexrelid
  where relnamespace in (to_regnamespace('acme_jobs'), to_regnamespace('${graphileSchema}'))
    and indexrelid not in (select index_relid from pg_stat_progress_create_index where index_relid is not null)`;

/** Whether all indexes are there. */
export async function checkMissingIndexes({ name, db }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(indexesSql);
  const there = new Set(rows.map((row) => String(row["name"])));
  const missing = expectedIndexes(name).filter((each) => !there.has(each));
  return missing.length > 0 ? [missingIndex(titleOf(name), missing)] : [];
}

/** Whether the server uses all indexes of the schemas. */
export async function checkInvalidIndexes({ name, db }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(indexesSql);
  const invalid = rows.filter((row) => !isTrue(row["isValid"])).map((row) => String(row["name"]));
  return invalid.length > 0 ? [invalidIndex(titleOf(name), invalid)] : [];
}

function missingIndex(place: string, names: readonly string[]): Finding {
  return finding({
    code: "INDEX_MISSING",
    severity: "error",
    what: `In the ${place}, ${names.length} of the indexes ${names.length === 1 ? "is" : "are"} missing: ${few(names, 5)}.`,
    why: "What needs it reads whole tables, or fails, if it is a primary key: ON CONFLICT needs one.",
    mend: "Make it again as the migration of the package has it (create index concurrently …), or restore it from a dump of the schema.",
  });
}

function invalidIndex(place: string, names: readonly string[]): Finding {
  return finding({
    code: "INDEX_INVALID",
    severity: "error",
    what: `In the ${place}, ${names.length} of the indexes ${names.length === 1 ? "is" : "are"} invalid: ${few(names, 5)}.`,
    why: "The server writes it and does not use it: what needs it reads whole tables. A build that failed leaves such an index.",
    mend: `reindex index concurrently ${names[0]}; – and drop those whose names end with _ccnew or _ccold.`,
  });
}
