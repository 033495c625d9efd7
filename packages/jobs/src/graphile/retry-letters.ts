import { highestMaxAttempts, idFlagPrefix } from "./add-jobs.ts";
import { mostEarlierErrors } from "./failure-notes.ts";

const runAtSql = "statement_timestamp() - place * interval '1 microsecond'";
const flagsSql = `array['${idFlagPrefix}' || letter.id] || array(
  select flag from unnest(letter.flags) as flag where flag not like '${idFlagPrefix}%'
)`;

/**
 * Makes dead letters jobs again, each as a single retry does, and returns which of them.
 *
 * A newer job keeps its key: the dead letter stays then. So letters with a key are added one by one, the one that counts first. The
 * others are added at once, which is much faster. Their times are a microsecond apart: of one batch the earliest runs first, as
 * it did before.
 *
 * @param letters - A query of rows of the table, locked, with their `place` from 1.
 */
export const retryLettersSql = (letters: string) => `
  letter as materialized (${letters}),
  plain as materialized (
    select substr(flag, ${idFlagPrefix.length + 1}) as id, job.id as job_id
    from (
      select array_agg(
        row(task, payload, queue, ${runAtSql}, ${highestMaxAttempts}, null, priority, ${flagsSql})::graphile_worker.job_spec
        order by place
      ) as specs
      from letter where key is null having count(*) > 0
    ) as batch
    cross join lateral graphile_worker.add_jobs(batch.specs) as job
    cross join lateral jsonb_object_keys(job.flags) as flag
    where flag like '${idFlagPrefix}%'
  ),
  keyed as materialized (
    select letter.id, job.id as job_id
    from (select * from letter where key is not null order by place offset 0) as letter
    cross join lateral graphile_worker.add_job(
      task, payload, queue, ${runAtSql}, ${highestMaxAttempts}, letter.key, letter.priority, ${flagsSql}, 'unsafe_dedupe'
    ) as job
    where job.flags ? ('${idFlagPrefix}' || letter.id)
  ),
  added as materialized (select * from plain union all select * from keyed),
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
    delete from acme_jobs.dead_letters where id = any(array(select id from added)) returning id
  )`;
