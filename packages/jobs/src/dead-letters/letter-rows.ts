import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { originOf } from "../job/origin.ts";
import type { DeadLetter } from "./dead-letter.ts";

/** Exact to the microsecond, as the times in the table are. */
export const cursorSql = `(extract(epoch from died_at) * 1000000)::bigint::text || '/' || id`;

/** As text and numbers, because the format of a time depends on the session, and the parsing of JSON on the driver. */
export const letterColumns = `id::text, task, payload::text, queue, key, priority, reason, attempts, errors::text,
  extract(epoch from enqueued_at) * 1000 as enqueued_ms, extract(epoch from died_at) * 1000 as died_ms,
  array_to_json(flags)::text as flags, ${cursorSql} as cursor`;

export function toDeadLetter(row: Row): DeadLetter {
  return {
    id: String(row["id"]),
    task: String(row["task"]),
    payload: JSON.parse(String(row["payload"])) as unknown,
    queue: row["queue"] as string | null,
    key: row["key"] as string | null,
    priority: Number(row["priority"]),
    reason: String(row["reason"]),
    attempts: Number(row["attempts"]),
    errors: JSON.parse(String(row["errors"])) as DeadLetter["errors"],
    enqueuedAt: new Date(Number(row["enqueued_ms"])),
    diedAt: new Date(Number(row["died_ms"])),
    origin: originOf(row["flags"] as string | null) ?? {},
    cursor: String(row["cursor"]),
  };
}

export async function findLetter(db: Queryable, id: string): Promise<DeadLetter | undefined> {
  const [row] = await queryMigrated(db, `select ${letterColumns} from acme_jobs.dead_letters where id = $1::text`, [
    id,
  ]);
  return row && toDeadLetter(row);
}
