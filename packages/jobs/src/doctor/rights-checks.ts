import { hiddenTables } from "../graphile/check-rights.ts";
import {
  rightsToAct,
  rightsToEnqueue,
  rightsToRead,
  rightsToWork,
  type TableRights,
} from "../graphile/needed-rights.ts";
import { graphileSchema } from "../graphile/schema.ts";
import type { Queryable } from "../database/queryable.ts";
import { titleOf, type DatabaseName, type Target } from "./check.ts";
import { codeOf } from "./reach.ts";
import { finding, type Finding } from "./finding.ts";
import { few } from "./words.ts";

/** What a role needs that may do something. Who may not is not missing it. */
interface Duty {
  readonly what: string;
  /** The right by which a role is known to have this duty; `undefined` for whoever asks the doctor. */
  readonly sign: TableRights | undefined;
  readonly needs: readonly TableRights[];
}

const on = (schema: string, table: string, ...rights: TableRights["rights"]): TableRights => ({
  schema,
  table,
  rights,
});
const onOutbox = (...rights: TableRights["rights"]) => on("acme_jobs", "outbox", ...rights);
const readable = ["outbox", "outbox_identity", "migrations"].map((table): TableRights => ({
  schema: "acme_jobs",
  table,
  rights: ["SELECT"],
}));

const duties: Readonly<Record<DatabaseName, readonly Duty[]>> = {
  jobs: [
    { what: "to see what is in the queue", sign: undefined, needs: rightsToRead },
    { what: "to enqueue", sign: on(graphileSchema, "_private_jobs", "INSERT"), needs: rightsToEnqueue },
    { what: "to act", sign: on("acme_jobs", "dead_letters", "DELETE"), needs: rightsToAct },
    { what: "to work", sign: on("acme_jobs", "tasks", "INSERT"), needs: rightsToWork },
  ],
  outbox: [
    { what: "to see what is in the outbox", sign: undefined, needs: readable },
    { what: "to enqueue", sign: onOutbox("INSERT"), needs: [onOutbox("SELECT", "INSERT")] },
    { what: "to move rows", sign: onOutbox("DELETE"), needs: [onOutbox("SELECT", "UPDATE", "DELETE"), ...readable] },
  ],
};

/** By the catalog, since a name in a schema that the role may not use cannot be looked up. What is not there needs no right.
 * Some rights are granted on a few columns only. */
const missingSql = `
  select nspname || '.' || relname as name, right_name as "right"
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as need (schema_name, table_name, right_name, place)
  join pg_namespace on nspname = schema_name join pg_class on relnamespace = pg_namespace.oid and relname = table_name
  where not (has_schema_privilege(pg_namespace.oid, 'usage') and case when right_name = 'delete' then has_table_privilege(pg_class.oid, right_name) else has_any_column_privilege(pg_class.oid, right_name) end)
  order by place`;

/** Whether the role that asks may do what it is there for. */
export async function checkRights({ name, db }: Target): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const told = new Set<string>();
  for (const { what, sign, needs } of duties[name]) {
    if (sign !== undefined && (await missingAmong(db, [sign])).length > 0) continue;
    // What a duty needs, others need as well.
    const missing = (await missingAmong(db, needs)).filter((each) => !told.has(each));
    missing.forEach((each) => told.add(each));
    if (missing.length > 0) found.push(rightsMissing(titleOf(name), what, missing));
  }
  return name === "jobs" ? [...found, ...(await checkHiddenRows(db))] : found;
}

async function missingAmong(db: Queryable, needs: readonly TableRights[]): Promise<string[]> {
  const each = needs.flatMap(({ schema, table, rights }) => rights.map((right) => ({ schema, table, right })));
  const { rows } = await db.query(missingSql, [
    each.map(({ schema }) => schema),
    each.map(({ table }) => table),
    each.map(({ right }) => right.toLowerCase()),
  ]);
  return [...new Set(rows.map((row) => `${String(row["right"]).toUpperCase()} on ${String(row["name"])}`))];
}

async function checkHiddenRows(db: Queryable): Promise<readonly Finding[]> {
  const hidden = await hiddenTables(db).catch((error: unknown) => {
    // Without the right to use the schema, which is a finding already.
    if (codeOf(error) === "42501") return [];
    throw error;
  });
  const names = hidden.filter(({ mayRead }) => mayRead).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    finding({
      code: "ROWS_HIDDEN",
      severity: "error",
      what: `Row level security hides all rows of ${few(names)} from the role that asks.`,
      why: "No statement fails, and no row is found: a worker of this role would have nothing to do, and a new job is refused.",
      mend: "Give the role policies on these tables, or a role that has them. docs/guides/roles.md has the statements.",
    }),
  ];
}

function rightsMissing(place: string, what: string, missing: readonly string[]): Finding {
  return finding({
    code: "RIGHTS_MISSING",
    severity: "error",
    what: `In the ${place}, the role that asks lacks ${missing.length === 1 ? "a right" : `${missing.length} rights`} ${what}: ${few(missing)}.`,
    why: "Statements that need the right fail with code 42501. What needs it is not examined here.",
    mend: "Grant what docs/guides/roles.md has for this role. Tables of a later migration need their grants, too.",
  });
}
