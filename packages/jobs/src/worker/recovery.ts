import { Pool } from "pg";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { beginTransaction } from "../database/transaction.ts";
import type { Logger } from "@acme/shared/logger";
import { recoverDeadWorker, type Suspects } from "./recover-dead-workers.ts";
import { registeredAmong } from "./worker-registry.ts";

/** Recovers the jobs of dead workers beside the heartbeat, in one round at a time. */
export interface Recovery {
  /** Begins a round if there is something to do, and none is under way. */
  begin(round: RecoveryRound): void;
  /** What went wrong in the last round. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Of the round that is under way. */
  readonly finished: Promise<void> | undefined;
}

export interface RecoveryRound {
  readonly dead: readonly string[];
  readonly suspects: Suspects;
  /** Pools that this worker has declared dead itself. */
  readonly released: readonly string[];
}

export interface RecoveryOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly longestAnswerMs: number;
  readonly onRecovered: (jobCount: number) => void;
  /** A released pool is in the registry no more, whoever has recovered its jobs. */
  readonly onGone: (poolId: string) => void;
}

/**
 * A process that hangs between two statements would keep the jobs of the dead for as long as it lives. A row that somebody has locked would keep those of
 * the other dead workers.
 */
const settings = "set local idle_in_transaction_session_timeout = 5000; set local lock_timeout = 2000";
const statementMs = 30_000;

export function createRecovery({ pool, logger, longestAnswerMs, onRecovered, onGone }: RecoveryOptions): Recovery {
  let running: Promise<void> | undefined;
  let failure: Recovery["failure"];

  // Over a connection of its own: a process that hangs in it may lose that, and not the one that shows its life.
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
        logger.debug({ err: error }, "jobs of a dead worker could not be recovered; it is tried again");
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

  /** Others may have been about to recover them. */
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

async function recoverOne(pool: Pool, suspects: Suspects, poolId: string): Promise<number> {
  await using transaction = await beginTransaction(pool, { settings, statementMs });
  const jobCount = await recoverDeadWorker(transaction, suspects, poolId);
  await transaction.commit();
  return jobCount;
}
