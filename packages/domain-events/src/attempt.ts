import { confirmCommit } from "./commit-truth.ts";
import type { DurableStore } from "./durable-handler.ts";
import { CommitOutcomeUnknownError } from "./errors.ts";
import type { Dispatcher } from "./event-bus.ts";
import { type Flight, refuseWhenGivenUp } from "./in-flight.ts";
import type { Logger } from "./logger.ts";
import { type PreparedCommit, prepareCommit } from "./prepare-commit.ts";
import type { RunOptions } from "./run-options.ts";
import { runInside } from "./running-units.ts";
import type { Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { Unit, type UnitContext } from "./unit.ts";

/** The code that runs in a transaction. */
export type Work<Tx, Result> = (context: UnitContext<Tx>) => PromiseLike<Result> | Result;

/** What a unit of work is made of. */
export interface UnitParts<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  readonly bus: Dispatcher<Tx>;
  readonly outcomeTimeoutMs: number;
}

/** One transaction from begin to confirmed commit. Whatever rejects has been rolled back, or its outcome is unknown. */
export async function attempt<Tx, Result>(
  parts: UnitParts<Tx>,
  flight: Flight,
  work: Work<Tx, Result>,
  { isolation, signal }: RunOptions,
): Promise<{ result: Result; prepared: PreparedCommit<Tx> }> {
  const { adapter, bus } = parts;
  const transaction = await adapter.begin({ isolation });
  const unit = new Unit(transaction, bus, adapter.database);
  try {
    const done = await runInside(unit, async () => {
      const result = await work(unit.contextOf(unit.root));
      return { result, prepared: await prepareCommit(unit, bus) };
    });
    signal?.throwIfAborted();
    refuseWhenGivenUp(flight);
    unit.state = "committing";
    await commit(parts, transaction, done.prepared);
    unit.state = "ended";
    return done;
  } catch (error) {
    const wasCommitting = unit.state === "committing";
    unit.discard();
    if (!wasCommitting) await transaction.rollback(error);
    throw error;
  }
}

async function commit<Tx>(
  { adapter, bus, outcomeTimeoutMs }: UnitParts<Tx>,
  transaction: Transaction<Tx>,
  prepared: PreparedCommit<Tx>,
): Promise<void> {
  const { logger } = bus.settings;
  try {
    await confirmCommit(transaction, prepared, adapter, outcomeTimeoutMs);
  } catch (error) {
    // What the stores wrote may be there: waking them costs nothing, and saves the wait for their next poll.
    if (error instanceof CommitOutcomeUnknownError) wake(prepared.stores, logger);
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
