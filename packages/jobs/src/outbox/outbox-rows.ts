import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { originOf, type Origin } from "../job/origin.ts";
import { outboxBacklog, type OutboxBacklog } from "./outbox-table.ts";

/** A job that waits in the outbox, without its payload. */
export interface OutboxRow {
  /** The id that `enqueue` returned. */
  readonly id: string;
  readonly task: string;
  readonly queue: string | null;
  /** The `key` of the job, prefixed with its task. */
  readonly key: string | null;
  readonly priority: number | null;
  /** `null`: as soon as it is moved. */
  readonly runAt: Date | null;
  readonly enqueuedAt: Date;
  readonly origin: Origin;
}

/** What waits in the outbox, the oldest first. */
export interface OutboxInfo extends OutboxBacklog {
  readonly rows: readonly OutboxRow[];
  /** Give it as `after` to get the next page. `undefined` if there is none. */
  readonly next: string | undefined;
}

/** As text and numbers, because the formats depend on the session and the driver. */
const columns = `id::text, position::text, task, queue, key, priority, array_to_json(flags)::text as flags,
  (extract(epoch from run_at) * 1000)::float8 as run_at_ms, (extract(epoch from created_at) * 1000)::float8 as enqueued_ms`;

/** @param page - `after` is the position of a row. */
export async function outboxPage(
  db: Queryable,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<OutboxInfo> {
  const backlog = await outboxBacklog(db);
  const rows = await queryMigrated(
    db,
    `select ${columns} from acme_jobs.outbox where position > $1::bigint order by outbox.position limit $2::int + 1`,
    [after, limit],
  );
  const next = rows.length > limit ? String(rows[limit - 1]?.["position"]) : undefined;
  return { ...backlog, rows: rows.slice(0, limit).map(toOutboxRow), next };
}

export async function findOutboxRow(db: Queryable, id: string) {
  const sql = `select ${columns}, payload::text from acme_jobs.outbox where id = $1::uuid`;
  const [row] = await queryMigrated(db, sql, [id]);
  return row && { row: toOutboxRow(row), payload: JSON.parse(String(row["payload"])) as unknown };
}

function toOutboxRow(row: Row): OutboxRow {
  return {
    id: String(row["id"]),
    task: String(row["task"]),
    queue: row["queue"] as string | null,
    key: row["key"] as string | null,
    priority: row["priority"] as number | null,
    runAt: row["run_at_ms"] === null ? null : new Date(Number(row["run_at_ms"])),
    enqueuedAt: new Date(Number(row["enqueued_ms"])),
    origin: originOf(row["flags"] as string | null) ?? {},
  };
}
