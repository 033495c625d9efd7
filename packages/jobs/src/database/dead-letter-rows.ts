const columns = "id, task, payload, queue, key, priority, reason, attempts, errors, enqueued_at";

/**
 * Adds dead letters. One that is there already, since it was retried and has failed again, gets what is new of it.
 *
 * @param rows - A query, or VALUES, for: id, task, payload, queue, key, priority, reason, attempts, errors, and when the job was enqueued.
 */
export const addDeadLettersSql = (rows: string) => `
  insert into acme_jobs.dead_letters (${columns})
  ${rows}
  on conflict (id) do update set
    payload = excluded.payload, reason = excluded.reason, attempts = excluded.attempts,
    errors = excluded.errors, died_at = now()`;
