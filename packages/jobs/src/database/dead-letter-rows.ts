const columns = "id, task, payload, queue, key, priority, reason, attempts, errors, enqueued_at, flags";

/**
 * Adds dead letters. If a dead letter is there already, because its job was retried and has failed again, it is updated.
 *
 * @param rows - A query, or VALUES, with the columns: id, task, payload, queue, key, priority, reason, attempts,
 * errors, enqueued_at, flags.
 */
export const addDeadLettersSql = (rows: string) => `
  insert into acme_jobs.dead_letters (${columns})
  ${rows}
  on conflict (id) do update set
    payload = excluded.payload, reason = excluded.reason, attempts = excluded.attempts,
    errors = excluded.errors, flags = excluded.flags, died_at = now()`;
