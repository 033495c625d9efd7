import { highestMaxAttempts, idFlagPrefix } from "./add-jobs.ts";
import { mostEarlierErrors } from "./failure-notes.ts";

/**
 * Makes dead letters jobs again, each as a single retry does, and returns which of them.
 *
 * A newer job keeps its key: the dead letter stays then. So the letters of one key must come in their order, the one that counts
 * first. Their times are a microsecond apart, so that of one batch the earliest runs first, as it did before.
 *
 * @param letters - A query of rows of the table, locked, with their `place` from 1.
 */
export const retryLettersSql = (letters: string) => `
  letter as materialized (${letters}),
  added as materialized (
    select letter.id, job.id as job_id
    from (select * from letter order by place offset 0) as letter
    cross join lateral graphile_worker.add_job(
      letter.task, letter.payload, letter.queue,
      statement_timestamp() - letter.place * interval '1 microsecond',
      ${highestMaxAttempts}, letter.key, letter.priority,
      array['${idFlagPrefix}' || letter.id] || array(
        select flag from unnest(letter.flags) as flag where flag not like '${idFlagPrefix}%'
      ),
      'unsafe_dedupe'
    ) as job
    where job.flags ? ('${idFlagPrefix}' || letter.id)
  ),
  kept as (
    insert into acme_jobs.failures
      (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
    select added.job_id, letter.id, letter.task, 0, 'retry', letter.reason, now(), 0, true, coalesce((
      select jsonb_agg(error || '{"isBeforeRetry": true}' order by number)
      from jsonb_array_elements(letter.errors) with ordinality as each (error, number)
      where number > jsonb_array_length(letter.errors) - ${mostEarlierErrors}
    ), '[]')
    from added join letter using (id)
    on conflict (job_id) do nothing
  ),
  changed as (
    delete from acme_jobs.dead_letters as gone using added where gone.id = added.id returning gone.id
  )`;
