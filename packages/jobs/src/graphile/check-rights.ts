import { JobsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/**
 * The tables of Graphile Worker have row level security and no policies: they look empty to a role that this applies
 * to.
 */
const tables = ["_private_jobs", "_private_job_queues", "_private_tasks"];

const hiddenSql = `
  select to_regclass('graphile_worker.' || name) is not null
    and row_security_active(to_regclass('graphile_worker.' || name)) as "isHidden"
  from unnest($1::text[]) as name`;

/** @throws {@link JobsError} `JOBS_DATABASE_REFUSED` for a role that would find no jobs, although no statement fails. */
export async function refuseHiddenRows(db: Queryable): Promise<void> {
  const { rows } = await db.query(hiddenSql, [tables]);
  if (!rows.some((row) => isTrue(row["isHidden"]))) return;
  throw new JobsError(
    "JOBS_DATABASE_REFUSED",
    "Row level security hides the jobs from this user of the database, so a worker would find nothing to run. Let every process that works or enqueues connect as the owner of Graphile Worker's " +
      "tables (the user that ran migrate()), as a member of that role after SET ROLE (in the options of the connection), or as a user with BYPASSRLS.",
  );
}
