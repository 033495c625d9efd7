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

/**
 * How often a large table was read from end to end so far. How large is known of a copied database as well; how many of its
 * rows are alive, by the server's own count, is not.
 */
export async function sequentialScans(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ scans: number }>(
      `select coalesce(sum(seq_scan), 0)::float8 as scans
       from pg_stat_user_tables as stat join pg_class as class on class.oid = stat.relid
       where stat.schemaname in ('graphile_worker', 'acme_jobs') and class.reltuples > 1000`,
    );
    return rows[0]?.scans ?? NaN;
  });
}
