import type { Queryable } from "../database/queryable.ts";
import {
  countGoneFailures,
  locksByPool,
  orphanedQueues,
  unlockStatement,
  type LocksOfPool,
} from "../graphile/lock-overview.ts";
import { readWorkers } from "../worker/registered-workers.ts";
import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named, plural } from "./words.ts";

/** Jobs that nobody runs, and that nobody else may run, because a dead worker has locked them. */
export async function checkLocks({ db, counts, thresholds }: Target): Promise<readonly Finding[]> {
  const counted = await counts().catch(() => undefined);
  if (counted?.isCapped === false && (await areAllAlive(db, counted.locks, thresholds.deadWorkerMs))) return [];
  // The locks first: of a pool that registers in between, no lock was seen.
  const locks = await locksByPool(db);
  if (locks.length === 0) return [];
  const workers = await readWorkers(db, thresholds.deadWorkerMs);
  const isAlive = new Map(workers.map((worker) => [worker.poolId, worker.isAlive]));
  const dead = locks.filter(({ poolId }) => isAlive.get(poolId) === false);
  const foreign = locks.filter(({ poolId, oldestMs }) => !isAlive.has(poolId) && oldestMs > thresholds.foreignLockMs);
  return [
    ...(dead.length > 0 ? [ofDeadWorkers(dead, workers.length - dead.length)] : []),
    ...(foreign.length > 0 ? [ofForeignPools(foreign)] : []),
  ];
}

/** To look for locks is to look through all jobs. There is no need while nobody but living workers had any, and none has died. */
async function areAllAlive(db: Queryable, locks: readonly LocksOfPool[], deadWorkerMs: number): Promise<boolean> {
  const workers = await readWorkers(db, deadWorkerMs);
  const known = new Set(workers.map(({ poolId }) => poolId));
  return workers.every(({ isAlive }) => isAlive) && locks.every(({ poolId }) => known.has(poolId));
}

const jobsIn = (locks: readonly LocksOfPool[]) => locks.reduce((sum, { jobCount }) => sum + jobCount, 0);
const oldestOf = (locks: readonly LocksOfPool[]) => duration(Math.max(...locks.map(({ oldestMs }) => oldestMs)));

function ofDeadWorkers(locks: readonly LocksOfPool[], others: number): Finding {
  return {
    code: "LOCKS_OF_DEAD_WORKERS",
    severity: "error",
    what: `${plural(locks.length, "dead worker")} ${locks.length === 1 ? "holds" : "hold"} the locks of ${plural(jobsIn(locks), "job")}, the oldest for ${oldestOf(locks)}.`,
    why: `These jobs do not run. A living worker frees them within seconds; ${others === 0 ? "there is none" : "none has done so"}.`,
    mend: "Start a worker, or free them now. Attempts that had begun count as crashed.",
    command: "acme-jobs doctor --fix",
    isFixable: true,
  };
}

function ofForeignPools(locks: readonly LocksOfPool[]): Finding {
  return finding({
    code: "LOCKS_OF_UNKNOWN_WORKERS",
    severity: "warning",
    what: `${plural(jobsIn(locks), "job")} ${jobsIn(locks) === 1 ? "is" : "are"} locked by ${plural(locks.length, "pool")} that no worker of this package has registered, the oldest for ${oldestOf(locks)}: ${few(locks.map(({ poolId }) => named(poolId)))}.`,
    why: "It may be a plain Graphile Worker with a long job, or one that has died: its locks are freed after four hours only.",
    mend: `Find out whether those workers live. If not: ${unlockStatement}.`,
    command: "acme-jobs jobs list --state locked",
  });
}

/** Named queues that nobody can take a job from. */
export async function checkQueues({ db }: Target): Promise<readonly Finding[]> {
  const queues = await orphanedQueues(db);
  if (queues.length === 0) return [];
  return [
    {
      code: "QUEUES_ORPHANED",
      severity: "error",
      what: `${plural(queues.length, "named queue")} ${queues.length === 1 ? "is" : "are"} locked although no job holds ${queues.length === 1 ? "it" : "them"}, the oldest for ${duration(queues[0]?.lockedMs ?? 0)}: ${few(queues.map(({ name }) => named(name)))}.`,
      why: "No job of such a queue runs. It happens when somebody removes a locked job by hand. A living worker frees the queue within minutes.",
      mend: "Start a worker, or free them now.",
      command: "acme-jobs doctor --fix",
      isFixable: true,
    },
  ];
}

/** Left-over notes, which are only a waste. */
export async function checkGoneFailures({ db }: Target): Promise<readonly Finding[]> {
  const gone = await countGoneFailures(db);
  if (gone === 0) return [];
  return [
    {
      code: "FAILURES_OF_GONE_JOBS",
      severity: "warning",
      what: `At least ${plural(gone, "note")} on failures ${gone === 1 ? "belongs" : "belong"} to jobs that are gone for more than an hour.`,
      why: "They take room. A living worker removes them every minute.",
      mend: "Start a worker, or remove them now.",
      command: "acme-jobs doctor --fix",
      isFixable: true,
    },
  ];
}
