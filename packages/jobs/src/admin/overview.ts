import type { OutboxBacklog } from "../outbox/outbox-table.ts";

/** How the queue does, as a whole. */
export interface Overview {
  /** When the counts were taken. `undefined` if no worker is alive, and they were counted for this call. */
  readonly sampledAt: Date | undefined;
  /** Whether there may be more than the counts say. */
  readonly isCapped: boolean;
  readonly due: number;
  readonly scheduled: number;
  readonly locked: number;
  /** How many dead letters there are. */
  readonly dead: number;
  /** Milliseconds since the oldest due job became due; `0` when none is. */
  readonly oldestDueAgeMs: number;
  readonly workersAlive: number;
  /** `undefined` if the jobs were made without an `outbox`. */
  readonly outbox: OutboxBacklog | "down" | "not migrated" | undefined;
}
