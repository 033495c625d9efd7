import type { Pool } from "pg";
import { askJobs } from "../database/ask-jobs.ts";
import { promptlyMs } from "../database/query-timeout.ts";
import { toPausable, toPauseKey, type Pausable } from "../job/pausable.ts";
import { addPause, readPauses, removePause } from "../graphile/pauses-table.ts";

/** What no worker begins at present. */
export interface PauseInfo {
  readonly what: Pausable;
  readonly pausedAt: Date;
  /** `false` if no worker has had such a task, or no job such a queue: the name may be wrong. */
  readonly isKnown: boolean;
}

export async function pause(pool: () => Pool, what: Pausable): Promise<void> {
  const key = toPauseKey(what);
  await askJobs(pool, (db) => addPause(db, key), promptlyMs);
}

export async function resume(pool: () => Pool, what: Pausable): Promise<boolean> {
  const key = toPauseKey(what);
  return askJobs(pool, (db) => removePause(db, key), promptlyMs);
}

export async function listPauses(pool: () => Pool): Promise<readonly PauseInfo[]> {
  const rows = await askJobs(pool, readPauses, promptlyMs);
  return rows.map(({ pausedAt, isKnown, ...key }) => ({ what: toPausable(key), pausedAt, isKnown }));
}
