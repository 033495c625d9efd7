import { AttemptFailed } from "./attempt-failed.ts";
import { beginUnlessAborted } from "../transaction/begin-transaction.ts";
import { type CommitLimits, confirmCommit } from "../commit/confirm-commit.ts";
import { markSql } from "../commit/commit-proof.ts";
import { databaseSupport } from "../commit/database-support.ts";
import type { DurableStore } from "@acme/shared/durable-handler";
import { codeOf, isConflict, meansRolledBack } from "../transaction/database-error.ts";
import type { Dispatcher } from "../bus/event-bus.ts";
import { type Flight, refuseWhenGivenUp } from "./runs-in-flight.ts";
import type { Logger } from "@acme/shared/logger";
import { OwnedTransaction } from "../transaction/owned-transaction.ts";
import { type PreparedCommit, prepareCommit } from "./prepare-commit.ts";
import type { Run } from "./run.ts";
import { runInside, runOutsideUnits } from "../current-unit.ts";
import type { Committing } from "../commit/send-commit.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { Unit } from "./unit.ts";
import { contextOf } from "./unit-context.ts";
import { untilAborted } from "@acme/shared/timeout";

/** What a unit of work is made of. */
export interface UnitParts<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  readonly bus: Dispatcher<Tx>;
  readonly limits: CommitLimits;
}

export interface Done<Tx, Result> {
  readonly result: Result;
  readonly prepared: PreparedCommit<Tx>;
}

/**
 * One transaction from begin to confirmed commit.
 *
 * @throws {@link AttemptFailed} if the transaction was rolled back, or if its outcome is unknown.
 */
export async function attempt<Tx, Result>(
  parts: UnitParts<Tx>,
  flight: Flight,
  run: Run<Tx, Result>,
): Promise<Done<Tx, Result>> {
  const { adapter } = parts;
  const { isolation, signal } = run.options;
  const owned = new OwnedTransaction();
  try {
    const found = databaseSupport(adapter);
    const support = found instanceof Promise ? await untilAborted(signal, found) : found;
    const options = { isolation, mark: markSql, watch: owned };
    const transaction = signal
      ? await beginUnlessAborted(adapter, { ...options, signal })
      : // A connection opened here outlives the unit, and its callbacks run in the context in which it was opened.
        await runOutsideUnits(() => adapter.begin(options));
    const mayCommit = (): void => {
      signal?.throwIfAborted();
      refuseWhenGivenUp(flight);
    };
    return await runUnit(parts, { adapter, transaction, owned, support, mayCommit }, run);
  } catch (error) {
    throw error instanceof AttemptFailed ? error : new AttemptFailed(error);
  }
}

async function runUnit<Tx, Result>(
  parts: UnitParts<Tx>,
  committing: Committing<Tx>,
  { work, options: { signal } }: Run<Tx, Result>,
): Promise<Done<Tx, Result>> {
  const { adapter, bus } = parts;
  const { transaction, owned, mayCommit } = committing;
  const { logger } = bus.settings;
  const reportDiscard = (error: unknown): void => logger.warn({ err: error }, "An aggregate could not be emptied");
  const unit = new Unit(transaction, owned, { bus, adapter, reportDiscard });
  const mayCommitStill = (): void => {
    mayCommit();
    unit.refuseUnfinished();
  };
  let isCommitting = false;
  let isCommitted = false;
  try {
    const done = await runInside(unit.root, async () => {
      // The wait for a connection may have been long.
      mayCommit();
      const result = await work(contextOf(unit, unit.root, transaction.tx));
      return { result, prepared: await prepareCommit(unit, bus, committing) };
    });
    mayCommitStill();
    isCommitting = true;
    await commit({ ...committing, mayCommit: mayCommitStill }, done.prepared, parts);
    isCommitted = true;
    return done;
  } catch (error) {
    if (!isCommitting) {
      unit.state = "undone";
      // Release the locks and the connection first, before the aggregates are emptied, which may take time.
      await rollBack(transaction, owned.refusedWrite ?? error, signal);
    }
    // A COMMIT that may have taken place is never sent again.
    const isUndone = !isCommitting || (meansRolledBack(error) && error !== owned.violation);
    throw new AttemptFailed(
      error,
      isUndone ? (owned.conflict ?? (isCommitting ? conflictIn(error) : undefined)) : undefined,
    );
  } finally {
    unit.end({ isCommitted });
  }
}

async function rollBack(
  transaction: Transaction<unknown>,
  reason: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isWaiting = signal?.aborted === true && transaction.isBusy?.() === true;
  const rolledBack = transaction.rollback(reason);
  // ROLLBACK would wait behind a statement that is still running.
  if (isWaiting) transaction.abandon(abortError(signal));
  await rolledBack;
}

function abortError({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error("The unit of work was aborted.", { cause: reason });
}

/** The conflict with which the server refused COMMIT, or the guard before it. */
function conflictIn(error: unknown): unknown {
  return isConflict(error) ? error : undefined;
}

async function commit<Tx>(
  committing: Committing,
  prepared: PreparedCommit<Tx>,
  { bus, limits }: UnitParts<Tx>,
): Promise<void> {
  const { logger } = bus.settings;
  try {
    await confirmCommit(committing, prepared, limits);
  } catch (error) {
    // The rows of the stores may have been committed. Waking the stores costs nothing, and saves the wait for the next
    // poll.
    if (codeOf(error) === "COMMIT_OUTCOME_UNKNOWN") wake(prepared.stores, logger);
    throw error;
  }
  wake(prepared.stores, logger);
}

function wake(stores: readonly DurableStore[], logger: Logger): void {
  for (const store of stores) {
    try {
      store.wake();
    } catch (error) {
      logger.error({ err: error }, "A store of durable handlers could not be woken");
    }
  }
}
