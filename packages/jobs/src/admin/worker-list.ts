import type { Pool } from "pg";
import { checkNames } from "../check-options.ts";
import { explainConnection } from "../database/database-errors.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { locksByPool } from "../graphile/lock-overview.ts";
import { readWorkers } from "../worker/registered-workers.ts";
import type { WorkerInfo } from "../worker/worker-info.ts";

/** What `admin.workers()` looks up. */
export interface WorkersOptions {
  /** Whether to count the locked jobs, for which it looks through the queue. Default: true. */
  readonly countLocked?: boolean;
}

const longestCountMs = 2_000;

/** The workers of all processes, the oldest first. */
export async function listWorkers(pool: Pool, options: WorkersOptions = {}): Promise<readonly WorkerInfo[]> {
  checkNames(options, { what: "workers()", known: ["countLocked"] satisfies (keyof WorkersOptions)[] });
  const { countLocked = true } = options;
  try {
    const [workers, locks] = await Promise.all([
      readWorkers(withQueryTimeout(pool, promptlyMs)),
      countLocked ? locksByPool(withQueryTimeout(pool, longestCountMs)).catch(() => undefined) : undefined,
    ]);
    const counts = locks && new Map(locks.map(({ poolId, jobCount }) => [poolId, jobCount]));
    return workers.map(({ poolId, isAlive, startedAt, heartbeatAt, about, running }) => {
      const lockedCount = counts && (counts.get(poolId) ?? 0);
      return { poolId, isAlive, startedAt, heartbeatAt, about, running, lockedCount };
    });
  } catch (error) {
    throw explainConnection(error, false);
  }
}

/** What living workers run. */
export interface LivingTasks {
  readonly tasks: ReadonlySet<string>;
  /** Whether there are living workers of an older version, which do not say what they run. */
  readonly mayBeMore: boolean;
}

/** The tasks of the workers that live. */
export async function readLivingTasks(db: Queryable): Promise<LivingTasks> {
  const abouts = (await readWorkers(db)).filter(({ isAlive }) => isAlive).map(({ about }) => about);
  return { tasks: new Set(abouts.flatMap((about) => about?.tasks ?? [])), mayBeMore: abouts.includes(undefined) };
}

/** How many workers live. */
export async function countWorkersAlive(db: Queryable): Promise<number> {
  return (await readWorkers(db)).filter(({ isAlive }) => isAlive).length;
}
