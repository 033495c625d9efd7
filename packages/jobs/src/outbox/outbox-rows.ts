import type { Origin } from "../job/origin.ts";
import type { OutboxBacklog } from "./outbox-table.ts";

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
