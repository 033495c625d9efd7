import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named, plural, shellWord } from "./words.ts";

const mostRead = 10_000;
const recentSql = `
  with recent as materialized (
    select task, errors -> -1 ->> 'name' as error, died_at from acme_jobs.dead_letters
    where died_at > now() - $1::float8 * interval '1 millisecond' order by died_at desc limit ${mostRead}
  )
  select task, count(*)::int as count, mode() within group (order by error) as error,
    extract(epoch from now() - min(died_at)) * 1000 as "sinceMs"
  from recent group by task order by count(*) desc, task`;

/** Whether more jobs than usual have failed for good. Of their errors only the name is told. */
export async function checkDeadLetters({ db, thresholds }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(recentSql, [thresholds.deadLettersWithinMs]);
  const total = rows.reduce((sum, row) => sum + Number(row["count"]), 0);
  if (total <= thresholds.deadLetters) return [];
  const [worst] = rows;
  const byTask = rows.map((row) => `${Number(row["count"])} of ${named(row["task"])}`);
  const error = worst?.["error"] ?? null;
  const sinceMs = Math.max(...rows.map((row) => Number(row["sinceMs"])));
  return [
    finding({
      code: "DEAD_LETTERS_GROW",
      severity: "warning",
      what:
        `${total >= mostRead ? "At least " : ""}${plural(total, "job")} ${total === 1 ? "has" : "have"} become dead letters in the last ${duration(Math.max(1, sinceMs))}: ${few(byTask)}` +
        `${error === null ? "" : `; the most frequent last error of ${named(worst?.["task"])} is ${named(error)}`}.`,
      why: "Each of them is work that was promised and is not done. They are kept until they are retried or discarded.",
      mend: "Read the errors of a few. When their cause is mended, retry them; they keep their idempotency keys.",
      command: `acme-jobs dead list --task ${shellWord(String(worst?.["task"]))}`,
    }),
  ];
}
