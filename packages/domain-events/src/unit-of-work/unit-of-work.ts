import { defaultBus, type DefaultTransaction } from "../bus/default-bus.ts";
import { DomainEventsError } from "../errors.ts";
import { dispatcher, type EventBus } from "../bus/event-bus.ts";
import type { StopOptions, StopReport } from "./runs-in-flight.ts";
import { purgeIdempotencyKeys, type PurgeIdempotencyKeysOptions } from "./purge-idempotency-keys.ts";
import { checkKey, claimKey, migrate, type RunOnceResult } from "./run-once.ts";
import type { RunOptions } from "./run-options.ts";
import { checkWork, type Work } from "./run.ts";
import type { UnitContext } from "./unit-context.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { limitsOf, type UnitOfWorkOptions, type UnitOfWorkOptionsWithBus } from "./unit-of-work-options.ts";
import { UnitRunner } from "./unit-runner.ts";
import { untilAborted } from "@acme/shared/timeout";

/** Runs work in transactions, and publishes the events of the work after a confirmed commit. Made by {@link createUnitOfWork}. */
export interface UnitOfWork<out Tx> {
  /**
   * Runs the work in a transaction. Resolves with its result once the commit is confirmed, the connection is back in
   * the pool, and the handlers of the recorded events have run. A handler that fails does not undo the commit (see
   * `onHandlerError`).
   *
   * If it is called inside the work of a running unit on the same database and bus, it joins that unit and has no
   * transaction of its own. If it then rejects, the savepoint or unit that it joined is rolled back, even if the error
   * is swallowed. Use {@link runOutsideUnits} for a transaction of its own.
   *
   * After a serialization failure or a deadlock the work runs again from the start, in a new transaction and with no
   * events. If the process dies, committed data stays, and in-process handlers that have not run yet never will.
   *
   * @throws what the work throws, after the rollback; {@link TransactionAbortedError} `TRANSACTION_ABORTED`; {@link
   * CommitOutcomeUnknownError} `COMMIT_OUTCOME_UNKNOWN`; {@link DomainEventsError} `UNIT_DOOMED`, `UNIT_ENDED`, `JOINED_OPTIONS`,
   * `JOINED_ADAPTER`, `TRANSACTION_OWNED`, `SAVEPOINT_OPEN`, `SAVEPOINT_ENDED`, `RUN_OPEN`, `AGGREGATE_INVALID`,
   * `AGGREGATE_TRACKED`, `DATABASE_UNSUPPORTED`, `OPTIONS_INVALID`, `STOPPED`; {@link EventLoopError} for beforeCommit
   * handlers that record in a circle.
   *
   * @example
   * const user = await unitOfWork.run(async ({ tx, track }) => {
   *   const user = track(User.register(email));
   *   await tx("users").insert(user.toRow());
   *   return user;
   * });
   */
  run<Result>(work: Work<Tx, Result>, options?: RunOptions): Promise<Result>;

  /**
   * Runs the work at most once for each key, also across processes: the key is stored in the same transaction. A second
   * run with the key waits for the first run. It then does nothing, or runs the work if the first run rolled back. The
   * signal ends that wait at once.
   *
   * @param key 1 to 500 characters.
   * @throws what {@link run} throws; `IDEMPOTENCY_KEYS_MISSING` before {@link migrate}; `IDEMPOTENCY_KEY_INVALID`;
   * `JOINED_OPTIONS` inside a running unit, since a key belongs to a transaction of its own.
   */
  runOnce<Result>(key: string, work: Work<Tx, Result>, options?: RunOptions): Promise<RunOnceResult<Result>>;

  /**
   * Creates the table of {@link runOnce}. Any number of processes may call it at once, and any number of times. A role
   * without the right to create schemas may call it, too, once the table is there.
   *
   * @throws the driver's error, if the table is missing and cannot be created.
   */
  migrate(): Promise<void>;

  /**
   * Deletes old keys. Afterwards {@link runOnce} would run the work of such a key again. If the keys are those of jobs,
   * a worker of `@acme/jobs` deletes them by itself, and keeps those of jobs that may still run.
   *
   * @returns how many keys were deleted.
   * @throws `OPTIONS_INVALID`; `IDEMPOTENCY_KEYS_MISSING`; whatever `keep` throws, and then no key of that batch is
   * deleted.
   */
  purgeIdempotencyKeys(options: PurgeIdempotencyKeysOptions): Promise<number>;

  /**
   * Takes no new runs. Waits up to the deadline for the runs under way, for their handlers, and for the runs that these
   * begin. Runs that are left at the deadline do not commit and start no further handler.
   *
   * @throws `OPTIONS_INVALID` if the deadline is invalid; nothing is stopped then.
   */
  stop(options?: StopOptions): Promise<StopReport>;
}

type UnitOfWorkArguments<Tx> = [Tx] extends [DefaultTransaction]
  ? [options?: UnitOfWorkOptions<Tx>]
  : [options: UnitOfWorkOptionsWithBus<Tx>];

/**
 * Creates a unit of work: it runs transactions, and publishes their events after a confirmed commit. It does not connect.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` for a pool or a knex instead of an adapter; `OPTIONS_INVALID`.
 *
 * @example
 * const unitOfWork = createUnitOfWork(knexTransactions(knex), { bus });
 */
export function createUnitOfWork<Tx>(
  adapter: TransactionAdapter<Tx>,
  ...[options = {}]: UnitOfWorkArguments<NoInfer<Tx>>
): UnitOfWork<Tx> {
  checkAdapter(adapter);
  // The type of the arguments allows the default bus only if its transactions are of this type.
  const bus = ((options as UnitOfWorkOptions<Tx>).bus ?? (defaultBus as EventBus<never> as EventBus<Tx>))[dispatcher];
  const runner = new UnitRunner({ adapter, bus, limits: limitsOf(options) }, options);

  return {
    run: (work, runOptions = {}) => runner.run({ work, options: runOptions }),
    async runOnce(key, work, runOptions = {}) {
      checkKey(key);
      checkWork(work);
      const claiming = async (context: UnitContext<Tx>) => {
        const isClaimed = await untilAborted(runOptions.signal, claimKey(context.query, key));
        if (!isClaimed) return { ran: false } as const;
        return { ran: true, result: await work(context) } as const;
      };
      return runner.run({ work: claiming, options: runOptions }, key);
    },
    migrate: () => migrate(adapter),
    purgeIdempotencyKeys: (purge) => purgeIdempotencyKeys(adapter, purge),
    stop: ({ deadlineMs } = {}) => runner.stop(deadlineMs),
  };
}

function checkAdapter(adapter: unknown): void {
  if (typeof adapter === "object" && adapter !== null && "begin" in adapter && "database" in adapter) return;
  throw new DomainEventsError(
    "ADAPTER_INVALID",
    "createUnitOfWork() takes an adapter: createUnitOfWork(knexTransactions(knex)) or createUnitOfWork(pgTransactions(pool)).",
  );
}
