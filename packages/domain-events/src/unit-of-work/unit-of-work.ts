import { attempt, type UnitParts, type Work } from "./run-transaction.ts";
import { checkCount, checkDuration } from "../check-duration.ts";
import type { CommitLimits } from "../commit/confirm-commit.ts";
import { defaultBus, type DefaultTransaction } from "../bus/default-bus.ts";
import { DomainEventsError, HandlersFailedError } from "../errors.ts";
import { dispatcher, type EventBus } from "../bus/event-bus.ts";
import { type Flight, RunsInFlight, runUnderWay, type StopOptions, type StopReport } from "./runs-in-flight.ts";
import type { PreparedCommit } from "./prepare-commit.ts";
import { type UnitRetryOptions, retrying } from "./retry-transaction.ts";
import { purgeOnceKeys, type PurgeOnceKeysOptions } from "./purge-once-keys.ts";
import { checkKey, claimKey, migrate, type RunOnceResult } from "./run-once.ts";
import { checkRunOptions, type RunOptions } from "./run-options.ts";
import { findScope, runOutsideUnits } from "../current-unit.ts";
import type { Scope } from "./recording-scope.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { joinRun } from "./join-run.ts";
import { untilAborted } from "../timeout.ts";

/** What all runs of a unit of work have in common. */
export interface UnitOfWorkOptions<in Tx> {
  /** Where events are published. Default: the default bus. */
  readonly bus?: EventBus<Tx>;
  /**
   * What to do with handlers that failed after the commit. Each failure is in the bus's log already, which is the
   * default. A function gets one {@link HandlersFailedError}; `"throw"` lets `run` reject with it.
   */
  readonly onHandlerError?: "throw" | ((error: HandlersFailedError) => unknown);
  readonly retry?: UnitRetryOptions;
  /** How long to ask what became of a COMMIT whose answer was lost. Default: 10 s. */
  readonly outcomeTimeoutMs?: number;
  /**
   * How long a COMMIT may take: deferred constraints and triggers, the disk, a synchronous standby. Then its connection is closed, and the
   * database is asked what became of it. Default: 60 s; `Infinity` waits for as long as TCP does.
   */
  readonly commitTimeoutMs?: number;
}

/** Settings of one run. */
export interface UnitOfWork<out Tx> {
  /**
   * Runs the work in a transaction. Resolves with its result once the commit is confirmed, the connection is back in the
   * pool, and the handlers of the recorded events have run; their failure does not undo it (see `onHandlerError`).
   *
   * Inside the work of a running unit on the same database and bus it joins that one: no transaction of its own, and when
   * it rejects, the savepoint or unit it has joined is rolled back, even if the error is swallowed. See {@link runOutsideUnits} for a
   * transaction of its own.
   *
   * The work runs again from the start, in a new transaction and with no events, after a serialization failure or a
   * deadlock. If the process dies, everything committed stays, and in-process handlers that have not run never will.
   *
   * @throws what the work throws, after the rollback; {@link TransactionAbortedError}; {@link CommitOutcomeUnknownError};
   * {@link DomainEventsError} `UNIT_DOOMED`, `UNIT_ENDED`, `JOINED_OPTIONS`, `JOINED_ADAPTER`, `TRANSACTION_OWNED`, `SAVEPOINT_OPEN`,
   * `SAVEPOINT_ENDED`, `RUN_OPEN`, `AGGREGATE_INVALID`, `AGGREGATE_TRACKED`, `DATABASE_UNSUPPORTED`, `OPTIONS_INVALID`, `STOPPED`;
   * {@link EventLoopError} for beforeCommit handlers that record in a circle.
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
   * Runs the work at most once for each key, also across processes: the key is stored in the same transaction. A second run
   * with the key waits for the first, then skips, or runs if the first rolled back. The signal ends that wait at once.
   *
   * @param key 1 to 500 characters.
   * @throws as {@link run}; `ONCE_KEYS_MISSING` before {@link migrate}, `ONCE_KEY_INVALID`, and `JOINED_OPTIONS` inside a
   * running unit, since a key belongs to a transaction of its own.
   */
  runOnce<Result>(key: string, work: Work<Tx, Result>, options?: RunOptions): Promise<RunOnceResult<Result>>;

  /** Creates the table behind {@link runOnce}. Any number of processes may call it at once, any number of times. */
  migrate(): Promise<void>;

  /**
   * Forgets keys, and with them what would keep {@link runOnce} from running again. Where the keys are those of jobs, a worker of
   * `@acme/jobs` does it by itself, sparing what may still come.
   *
   * @returns how many keys were forgotten.
   * @throws `OPTIONS_INVALID`, `ONCE_KEYS_MISSING`, and whatever `keep` throws; nothing of that batch is forgotten then.
   */
  purgeOnceKeys(options: PurgeOnceKeysOptions): Promise<number>;

  /**
   * Takes no new runs, and waits for those under way and their handlers, with the runs that these begin, up to the deadline. What is left
   * then starts no further handler and does not commit.
   *
   * @throws `OPTIONS_INVALID` for a deadline that is none; nothing is stopped then.
   */
  stop(options?: StopOptions): Promise<StopReport>;
}

const defaultAttempts = 3;

type UnitOfWorkArguments<Tx> = [Tx] extends [DefaultTransaction]
  ? [options?: UnitOfWorkOptions<Tx>]
  : [options: UnitOfWorkOptions<Tx> & { readonly bus: EventBus<Tx> }];

/**
 * Creates a unit of work: transactions that publish what they recorded after a confirmed commit.
 *
 * @example
 * const unitOfWork = createUnitOfWork(knexTransactions(knex), { bus });
 */
export function createUnitOfWork<Tx>(
  adapter: TransactionAdapter<Tx>,
  ...[options = {}]: UnitOfWorkArguments<NoInfer<Tx>>
): UnitOfWork<Tx> {
  checkAdapter(adapter);
  // The default bus stands in only where its transactions are of this type: see the arguments.
  const bus = ((options as UnitOfWorkOptions<Tx>).bus ?? (defaultBus as EventBus<never> as EventBus<Tx>))[dispatcher];
  const parts: UnitParts<Tx> = { adapter, bus, limits: limitsOf(options) };
  const inFlight = new RunsInFlight();

  async function run<Result>(work: Work<Tx, Result>, runOptions: RunOptions = {}, key?: string): Promise<Result> {
    checkWork(work);
    const scope = findScope((unit) => unit.bus === bus && unit.database === adapter.database);
    if (!scope) return runOwn(work, runOptions);
    const { isolation, retry, signal } = runOptions;
    if (isolation !== undefined || retry !== undefined || key !== undefined) throw joinedOptions();
    // Only units of this package put themselves there.
    return joinRun(scope as Scope, adapter, work, signal);
  }

  async function runOwn<Result>(work: Work<Tx, Result>, runOptions: RunOptions): Promise<Result> {
    const flight = inFlight.begin();
    try {
      return await runUnderWay(flight, () => runFlight(flight, work, runOptions));
    } finally {
      inFlight.end(flight);
    }
  }

  async function runFlight<Result>(flight: Flight, work: Work<Tx, Result>, runOptions: RunOptions): Promise<Result> {
    checkRunOptions(runOptions);
    const attempts = runOptions.retry?.attempts ?? options.retry?.attempts ?? defaultAttempts;
    const { result, prepared } = await retrying(attempts, runOptions.signal, () =>
      attempt(parts, flight, work, runOptions),
    );
    if (prepared.events.length > 0) await publishCommitted(flight, prepared, result);
    return result;
  }

  async function publishCommitted(
    flight: Flight,
    { events, registrations }: PreparedCommit<Tx>,
    result: unknown,
  ): Promise<void> {
    const publishing = bus.runCommitted(events, registrations);
    flight.giveUpHandlers = () => publishing.giveUp();
    // stop() gave up while the COMMIT was on its way.
    if (flight.isGivenUp) publishing.giveUp();
    // A unit on another database may be running around this one: what is committed here does not depend on that one's end.
    const failures = await (findScope() ? runOutsideUnits(() => publishing.start()) : publishing.start());
    if (failures.length > 0) await report(new HandlersFailedError(failures, { result }));
  }

  async function report(error: HandlersFailedError): Promise<void> {
    if (options.onHandlerError === "throw") throw error;
    try {
      await options.onHandlerError?.(error);
    } catch (thrown) {
      bus.settings.logger.error({ err: thrown }, "onHandlerError failed");
    }
  }

  return {
    run: (work, runOptions) => run(work, runOptions),
    async runOnce(key, work, runOptions) {
      checkKey(key);
      checkWork(work);
      return run(
        async (context) => {
          const isClaimed = await untilAborted(runOptions?.signal, claimKey(context.query, key));
          if (!isClaimed) return { ran: false } as const;
          return { ran: true, result: await work(context) } as const;
        },
        runOptions,
        key,
      );
    },
    migrate: () => migrate(adapter),
    purgeOnceKeys: (purge) => purgeOnceKeys(adapter, purge),
    stop: ({ deadlineMs } = {}) => inFlight.stop(deadlineMs),
  };
}

/** @throws {@link DomainEventsError} `OPTIONS_INVALID`. */
function limitsOf({
  outcomeTimeoutMs = 10_000,
  commitTimeoutMs = 60_000,
  retry,
}: UnitOfWorkOptions<never>): CommitLimits {
  checkCount("retry.attempts", retry?.attempts ?? defaultAttempts);
  return {
    outcomeTimeoutMs: checkDuration("outcomeTimeoutMs", outcomeTimeoutMs),
    commitTimeoutMs: checkDuration("commitTimeoutMs", commitTimeoutMs, 1),
  };
}

function joinedOptions(): DomainEventsError {
  return new DomainEventsError(
    "JOINED_OPTIONS",
    "A run() inside a running unit of work joins its transaction, so it cannot have isolation, retry or key of its own. " +
      "Give them to the outermost run(), or call this one in runOutsideUnits().",
  );
}

function checkWork(work: unknown): void {
  if (typeof work === "function") return;
  throw new DomainEventsError("OPTIONS_INVALID", "run() takes a function: run(async ({ tx, record }) => { … }).");
}

function checkAdapter(adapter: unknown): void {
  if (typeof adapter === "object" && adapter !== null && "begin" in adapter && "database" in adapter) return;
  throw new DomainEventsError(
    "ADAPTER_INVALID",
    "createUnitOfWork() takes an adapter: createUnitOfWork(knexTransactions(knex)) or createUnitOfWork(pgTransactions(pool)).",
  );
}
