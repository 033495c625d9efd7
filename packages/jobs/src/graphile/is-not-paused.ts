/**
 * Whether a job of Graphile Worker's fetch may begin. In the fetch itself, because a worker that only knew of pauses could know too
 * late.
 *
 * `not in`, because PostgreSQL then reads the few names once for each fetch, and plans the rest as it would without them.
 */
export const isNotPausedSql = `not exists (select from acme_jobs.pauses where kind = 'everything')
    and jobs.task_id not in (
      select task.id from acme_jobs.pauses as pause join graphile_worker._private_tasks as task on task.identifier = pause.name
      where pause.kind = 'task'
    )
    and (jobs.job_queue_id is null or jobs.job_queue_id not in (
      select queue.id from acme_jobs.pauses as pause join graphile_worker._private_job_queues as queue on queue.queue_name = pause.name
      where pause.kind = 'queue'
    ))`;
