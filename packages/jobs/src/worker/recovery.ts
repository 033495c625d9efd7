import { Pool } from "pg";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { beginTransaction } from "../database/transaction.ts";
import type { Logger } from "@acme/shared/logger";
import { recoverDeadWorker, type Suspects } from "./recover-dead-workers.ts";
import { registeredAmong } from "./worker-registry.ts";

/** Recovers the jobs of dead workers, one round at a time, without delaying the heartbeat. */
export interface Recovery {
  /** Begins a round if there is something to do and no round is under way. */
  begin(round: RecoveryRound): void;
  /** The error of the last round. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Resolves when the round under way has ended. */
  readonly finished: Promise<void> | undefined;
}

export interface RecoveryRound {
  readonly dead: readonly string[];
  readonly suspects: Suspects;
  /** Pools of this worker that it has declared dead itself. */
  readonly released: readonly string[];
}

export interface RecoveryOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly longestAnswerMs: number;
  readonly onRecovered: (jobCount: number) => void;
  /** A pool that is no longer in the registry was recovered, by this worker or another one. */
  readonly onGone: (poolId: string) => void;
}

/**
 * The first timeout, because a process that hangs between two statements would hold up the recovery as long as it
 * lives. The second,
 * because one locked row would hold up the jobs of all other dead workers.
 */
const settings = "set local idle_in_transaction_session_timeout = 5000; set local lock_timeout = 2000";
const statementMs = 30_000;

export function createRecovery({ pool, logger, longestAnswerMs, onRecovered, onGone }: RecoveryOptions): Recovery {
  let running: Promise<void> | undefined;
  let failure: Recovery["failure"];

  // Not over the heartbeat connection: the timeout above may end the connection of a process that hangs here.
  const run = async ({ dead, suspects, released }: RecoveryRound) => {
    const own = guard(new Pool(pool.options));
    own.options.connectionTimeoutMillis ||= longestAnswerMs;
    let failed: Recovery["failure"];
    let jobCount = 0;
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        failed = { error };
        logger.debug({ err: error }, "jobs of a dead worker could not be recovered; the worker tries again");
      }
    };
    for (const poolId of dead) await attempt(async () => void (jobCount += await recoverOne(own, suspects, poolId)));
    await attempt(() => tellGone(own, released));
    own.end().catch(() => undefined);
    failure = failed;
    if (jobCount === 0) return;
    logger.warn({ jobCount }, "jobs of a dead worker run again");
    onRecovered(jobCount);
  };

  /** Other workers may be recovering these pools at the same time. */
  const tellGone = async (db: Pool, released: readonly string[]) => {
    if (released.length === 0) return;
    const left = await registeredAmong(withQueryTimeout(db, longestAnswerMs), released);
    for (const poolId of released) if (!left.includes(poolId)) onGone(poolId);
  };

  return {
    begin(round) {
      if (round.dead.length > 0 || round.released.length > 0)
        running ??= run(round).finally(() => (running = undefined));
      else failure = undefined;
    },
    get failure() {
      return failure;
    },
    get finished() {
      return running;
    },
  };
}

/** Recovers one pool in a transaction of its own, if it is still dead. @returns how many jobs can run again */
export async function recoverOne(pool: Pool, suspects: Suspects, poolId: string): Promise<number> {
  await using transaction = await beginTransaction(pool, { settings, statementMs });
  const jobCount = await recoverDeadWorker(transaction, suspects, poolId);
  await transaction.commit();
  return jobCount;
}
