import { withClient } from "../servers/databases.ts";
import { prepareAcme } from "./acme.ts";

export function taskNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${index}`);
}

/** Jobs as `enqueue` makes them, added by SQL in batches: millions in a minute. */
export async function prepareBacklog(url: string, jobCount: number, taskCount: number): Promise<void> {
  await prepareAcme(url);
  const batch = 50_000;
  await withClient(url, async (client) => {
    for (let first = 0; first < jobCount; first += batch) {
      await client.query(
        `select count(*) from graphile_worker.add_jobs(array(
           select json_populate_record(null::graphile_worker.job_spec, json_build_object(
             'identifier', 'bench-' || n % $3, 'payload', json_build_object('n', n), 'max_attempts', 32767,
             'flags', json_build_array('acme:id:' || gen_random_uuid())
           ))
           from generate_series($1::int, $2::int) as n
         ))`,
        [first, Math.min(first + batch, jobCount) - 1, taskCount],
      );
    }
    await client.query("vacuum (analyze)");
  });
}

/** How many rows of the jobs were read one after the other so far, which no query on the hot path should do. */
export async function rowsReadSequentially(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ rows: number }>(
      `select coalesce(sum(seq_tup_read), 0)::float8 as rows from pg_stat_user_tables
       where schemaname in ('graphile_worker', 'acme_jobs') and n_live_tup > 1000`,
    );
    return rows[0]?.rows ?? NaN;
  });
}
