import { addDeadLettersSql } from "../database/dead-letter-rows.ts";
import { idFlagPrefix, supersededFrom } from "./add-jobs.ts";
import { originFlagsSql } from "../job/origin.ts";
import { unchangedSql } from "./job-locks.ts";

export interface MovedJobs {
  /** Which jobs to move, as SQL over the columns of `job`. */
  readonly condition: string;
  /** The reason, as SQL over the columns of `lost`. */
  readonly reason: string;
}

/** If Graphile Worker has used the attempts up itself, their number says nothing about runs. */
const attemptsSql = `case when lost.attempts < ${supersededFrom} then lost.attempts else coalesce(jsonb_array_length(forgotten.errors), 0) end`;

/**
 * Makes dead letters of free jobs, with the history of their attempts, and returns how many there were, by task. Moves only jobs
 * that this package has enqueued: others may belong to a plain Graphile Worker in the same tables.
 */
export const moveToDeadLettersSql = ({ condition, reason }: MovedJobs) => `
  with lost as materialized (
    select job.id, job.task_identifier as task, job.queue_name, job.key, job.priority, job.created_at, job.attempts, job.last_error,
      job.flags, substr(own.flag, ${idFlagPrefix.length + 1}) as idempotency_key
    from graphile_worker.jobs as job
    -- One at most, because plain SQL may have given a job several.
    cross join lateral (
      select flag from jsonb_object_keys(job.flags) as flag where flag like '${idFlagPrefix}%' limit 1
    ) as own
    ${unchangedSql("job")}
    where job.locked_at is null and ${condition}
    order by job.id limit 1000
  ),
  removed as materialized (
    select job.id, job.payload
    from (select array_agg(id) as ids from lost) as chosen cross join lateral graphile_worker.complete_jobs(chosen.ids) as job
  ),
  forgotten as (
    delete from acme_jobs.failures as note using lost
    where note.job_id = lost.id and note.job_id = any(array(select id from removed))
    -- Those of a job whose key this one took are not its own.
    returning note.job_id, case when lost.flags ? ('${idFlagPrefix}' || note.idempotency_key) then note.errors end as errors
  ),
  moved as (
    ${addDeadLettersSql(`
    select lost.idempotency_key, lost.task, removed.payload, lost.queue_name, lost.key, lost.priority,
      ${reason}, ${attemptsSql}, coalesce(forgotten.errors, '[]'), lost.created_at,
      ${originFlagsSql("lost.flags")}
    from removed join lost using (id) left join forgotten on forgotten.job_id = lost.id`)}
    returning task
  )
  select task, count(*)::int as count from moved group by task order by task`;
