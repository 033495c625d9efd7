/** What the tables say of one moment; times in milliseconds. */
export interface Rows {
  readonly jobs: readonly JobRow[];
  readonly letters: readonly number[];
  readonly unsettled: number;
  readonly lockedQueues: number;
}

export interface JobRow {
  readonly n: number;
  readonly task: string;
  readonly isLocked: boolean;
  readonly attempts: number;
  readonly runAt: number;
  /** Whether its last failure was noted, and what the note says was done. */
  readonly isSettled: boolean | null;
}

export const rowsSql = `select json_build_object(
  'jobs', (select coalesce(json_agg(json_build_object('n', (job.payload->>'n')::int, 'task', task.identifier,
      'isLocked', job.locked_by is not null, 'attempts', job.attempts,
      'runAt', extract(epoch from job.run_at) * 1000, 'isSettled', note.is_settled)), '[]')
    from graphile_worker._private_jobs as job
    join graphile_worker._private_tasks as task on task.id = job.task_id
    left join acme_jobs.failures as note on note.job_id = job.id),
  'letters', (select coalesce(json_agg((payload->>'n')::int), '[]') from acme_jobs.dead_letters),
  -- The note of a job that is gone, by another worker's hand, goes with a sweep in a minute.
  'unsettled', (select count(*) from acme_jobs.failures as note
    join graphile_worker._private_jobs as job on job.id = note.job_id where not note.is_settled),
  'lockedQueues', (select count(*) from graphile_worker._private_job_queues where locked_by is not null)
) as rows`;
