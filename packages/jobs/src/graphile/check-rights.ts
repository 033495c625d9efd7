import { JobsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/**
 * The tables of Graphile Worker have row level security and no policies: they look empty to a role that this applies
 * to.
 */
const tables = ["_private_jobs", "_private_job_queues", "_private_tasks"];

/** A policy helps if it shows every row to this role, for every command. */
const isOpenSql = `
  exists (
    select from pg_policy
    where polrelid = relation and polpermissive and polcmd = '*' and pg_get_expr(polqual, polrelid) = 'true'
      and coalesce(pg_get_expr(polwithcheck, polrelid), 'true') = 'true'
      and exists (select from unnest(polroles) as role where case when role = 0 then true else pg_has_role(role, 'usage') end)
  ) and not exists (select from pg_policy where polrelid = relation and not polpermissive)`;

const hiddenSql = `
  select name, has_table_privilege(relation, 'select') as "mayRead"
  from (select name, to_regclass('graphile_worker.' || name) as relation from unnest($1::text[]) as name) as named
  where relation is not null and row_security_active(relation) and not (${isOpenSql})`;

/** A table whose rows the role does not see. */
export interface HiddenTable {
  readonly name: string;
  /** Whether no statement about it would fail, although no row is found. */
  readonly mayRead: boolean;
}

/** The tables of which this role would find no row. */
export async function hiddenTables(db: Queryable): Promise<readonly HiddenTable[]> {
  const { rows } = await db.query(hiddenSql, [tables]);
  return rows.map((row) => ({ name: String(row["name"]), mayRead: isTrue(row["mayRead"]) }));
}

/** @throws {@link JobsError} `JOBS_DATABASE_REFUSED` for a role that would find no jobs, although no statement fails. */
export async function refuseHiddenRows(db: Queryable): Promise<void> {
  if ((await hiddenTables(db)).length === 0) return;
  throw new JobsError(
    "JOBS_DATABASE_REFUSED",
    "Row level security hides the jobs from this user of the database, so a worker would find nothing to run. Give the user policies on Graphile Worker's tables, as docs/guides/roles.md has them. Or let every process that " +
      "works or enqueues connect as the owner of these tables (the user that ran migrate()), as a member of that role after SET ROLE (in the options of the connection), or as a user with BYPASSRLS.",
  );
}
