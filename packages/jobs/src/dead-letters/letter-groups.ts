import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { sqlValues } from "../database/sql-values.ts";
import type { DeadLetterFilter, DeadLetterGroup, DeadLetterGroups } from "./dead-letter.ts";
import { letterConditions } from "./letter-filter.ts";

const mostRead = 10_000;
/** Longer messages mostly end with what differs. */
export const longestMessage = 300;
const mostGroups = 1_000;

/**
 * Only the messages of all are read: the errors may be large, and are stored apart from the row. They are made alike here, since
 * that takes the database longer. The name comes from the latest of each group.
 */
export async function groupLetters(db: Queryable, filter: DeadLetterFilter): Promise<DeadLetterGroups> {
  const sql = sqlValues();
  const rows = await queryMigrated(
    db,
    `with read as materialized (
       select id, task, left(reason, ${longestMessage}) as reason, died_at from acme_jobs.dead_letters
       where ${letterConditions(filter, sql)} order by died_at desc limit ${mostRead} + 1
     )
     select task, reason, count(*)::int as count, max(id) as id, (select count(*) from read)::int as read_count,
       (extract(epoch from min(died_at)) * 1000)::float8 as first_ms, (extract(epoch from max(died_at)) * 1000)::float8 as last_ms
     from read group by task, reason`,
    sql.values,
  );
  const groups = new Map<string, IdentifiedGroup>();
  for (const row of rows) {
    const group = toGroup(row);
    const key = JSON.stringify([group.task, group.error]);
    const other = groups.get(key);
    groups.set(key, other === undefined ? group : joined(group, other));
  }
  const largest = [...groups.values()].toSorted((a, b) => b.count - a.count).slice(0, mostGroups);
  return {
    groups: await withNames(db, largest),
    isCapped: Number(rows[0]?.["read_count"] ?? 0) > mostRead || groups.size > mostGroups,
  };
}

interface IdentifiedGroup extends DeadLetterGroup {
  /** One of its letters. */
  readonly id: string;
}

function toGroup(row: Row): IdentifiedGroup {
  return {
    id: String(row["id"]),
    task: String(row["task"]),
    error: withoutIds(String(row["reason"])),
    count: Number(row["count"]),
    firstDiedAt: new Date(Number(row["first_ms"])),
    lastDiedAt: new Date(Number(row["last_ms"])),
  };
}

function joined(a: IdentifiedGroup, b: IdentifiedGroup): IdentifiedGroup {
  return {
    ...(a.lastDiedAt > b.lastDiedAt ? a : b),
    count: a.count + b.count,
    firstDiedAt: a.firstDiedAt < b.firstDiedAt ? a.firstDiedAt : b.firstDiedAt,
  };
}

async function withNames(db: Queryable, groups: readonly IdentifiedGroup[]): Promise<readonly DeadLetterGroup[]> {
  const sql = "select id, errors -> -1 ->> 'name' as name from acme_jobs.dead_letters where id = any($1::text[])";
  const rows = await queryMigrated(db, sql, [groups.map(({ id }) => id)]);
  const names = new Map(rows.map((row) => [String(row["id"]), row["name"] as string | null]));
  return groups.map(({ id, error, ...group }) => {
    const name = names.get(id);
    return { ...group, error: name ? `${name}: ${error}` : error };
  });
}

/** UUIDs, and words of at least eight hexadecimal digits that have a digit and a letter; then numbers. */
const ids = /\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b|\b(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{8,}\b/gi;
const numbers = /\d+(?:[.,:]\d+)*/g;

/** What is alike of two errors of one kind. */
export function withoutIds(text: string): string {
  return text.replaceAll(ids, "#").replaceAll(numbers, "#");
}
