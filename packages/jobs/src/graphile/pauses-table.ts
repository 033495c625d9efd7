import { isTrue } from "@acme/shared/is-true";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import type { PauseKey } from "../job/pausable.ts";

/** Whether somebody has paused a `job` of Graphile Worker's view. */
export const isPausedSql = `exists (
  select from acme_jobs.pauses as pause where pause.kind = 'everything'
    or (pause.kind = 'task' and pause.name = job.task_identifier) or (pause.kind = 'queue' and pause.name = job.queue_name)
)`;

const addSql = "insert into acme_jobs.pauses (kind, name) values ($1, $2) on conflict do nothing";

export async function addPause(db: Queryable, { kind, name }: PauseKey): Promise<void> {
  await queryMigrated(db, addSql, [kind, name]);
}

/** Wakes the workers when it is committed, as new jobs do. */
const removeSql = `
  with gone as (delete from acme_jobs.pauses where kind = $1 and name = $2 returning kind)
  select pg_notify('jobs:insert', '{"count":1}') from gone`;

/** @returns whether there was such a pause. */
export async function removePause(db: Queryable, { kind, name }: PauseKey): Promise<boolean> {
  return (await queryMigrated(db, removeSql, [kind, name])).length > 0;
}

export interface PauseRow extends PauseKey {
  readonly pausedAt: Date;
  readonly ageMs: number;
  /** Whether a worker has had such a task, or a job such a queue. */
  readonly isKnown: boolean;
}

const listSql = `
  select kind, name, (extract(epoch from paused_at) * 1000)::float8 as paused_at_ms,
    (extract(epoch from clock_timestamp() - paused_at) * 1000)::float8 as age_ms,
    case kind
      when 'task' then exists (select from acme_jobs.tasks where tasks.name = pauses.name)
      when 'queue' then exists (select from graphile_worker._private_job_queues where queue_name = pauses.name)
      else true
    end as is_known
  from acme_jobs.pauses order by kind, name collate "C"`;

export async function readPauses(db: Queryable): Promise<readonly PauseRow[]> {
  const rows = await queryMigrated(db, listSql);
  return rows.map((row) => ({
    kind: row["kind"] as PauseRow["kind"],
    name: String(row["name"]),
    pausedAt: new Date(Number(row["paused_at_ms"])),
    ageMs: Math.max(0, Number(row["age_ms"])),
    isKnown: isTrue(row["is_known"]),
  }));
}
