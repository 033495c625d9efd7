import { createAdmin, type Admin } from "./admin/admin.ts";
import { checkNames } from "./check-options.ts";
import { lazyPool, type Connection } from "./database/lazy-pool.ts";
import { createDeadLetters, type DeadLetters } from "./dead-letters.ts";
import { createDurable, type Durable } from "./durable.ts";
import { createEnqueue, type Enqueue } from "./enqueue.ts";
import { JobsError } from "./errors.ts";
import { createHealth, type JobsHealth } from "./health.ts";
import { internals, type JobsInternals } from "./internals.ts";
import { createJobWriter } from "./job-writer.ts";
import type { Logger } from "@acme/shared/logger";
import { protectLogger } from "@acme/shared/protect-logger";
import { defaultLogger } from "./default-logger.ts";
import { createMigrator, type MigrateOptions } from "./migrator.ts";
import { checkNodeVersion } from "./node-version.ts";
import { purgeIdempotencyKeys, type IdempotencyKeyRetention } from "./idempotency-keys.ts";
import { createAnnouncer } from "./outbox/announcer.ts";
import type { Relay, RelayOptions } from "./outbox/relay.ts";
import { createRunningParts } from "./running-parts.ts";
import { withTimeout } from "@acme/shared/timeout";
import type { IdempotencyKeys, WorkerOptions } from "./worker/worker-options.ts";
import type { Worker } from "./worker/worker.ts";

/** Where the jobs are stored, and where the package logs. */
export interface JobsOptions {
  /**
   * The database that stores the jobs: a URL or a pg.Pool. It is opened at the first use.
   *
   * Give a pg.Pool a `connectionTimeoutMillis`: without one, a query may wait for a connection for ever. For a URL it is 10 s.
   *
   * May be left out if there is an `outbox`: jobs are then only written to the outbox. That is for processes that must
   * never connect to the jobs database.
   */
  readonly connection?: Connection | undefined;
  /**
   * The database of your data, if the jobs are in another one. Jobs are written beside the data, and a relay moves
   * them.
   */
  readonly outbox?: { readonly connection: Connection } | undefined;
  /** pino fits. Default: warnings and errors to the console. */
  readonly logger?: Logger;
}

/** The jobs of an application, made by {@link createJobs}. */
export interface Jobs extends Enqueue, AsyncDisposable {
  /**
   * Makes an event handler whose work is a job. The job is written in the transaction that recorded the event, and runs at
   * least once.
   *
   * `register(UserRegistered, jobs.durable(sendVerificationEmail, (event) => ({ userId: event.userId })))`
   */
  readonly durable: Durable;
  /**
   * Creates or updates the tables in both databases. Safe to run at every start, and by several processes at once.
   *
   * The outbox is migrated first: it is ready even if the jobs database fails.
   *
   * @throws {@link JobsError} `JOBS_DATABASE_UNREACHABLE`; `JOBS_DATABASE_REFUSED` (user, password, name of the
   * database, rights);
   * `DATABASE_UNSUPPORTED` if an encoding is not UTF8; `GRAPHILE_WORKER_OLDER` if the migration would end older Graphile
   * Workers; `MIGRATION_NEWER` if a later version of this package has migrated the tables.
   */
  migrate(options?: MigrateOptions): Promise<void>;
  /**
   * Creates or updates only the tables of the outbox. A process that only enqueues, and never connects to the jobs
   * database, needs no more.
   *
   * @throws {@link JobsError} `DATABASE_UNSUPPORTED`, `MIGRATION_NEWER`.
   */
  migrateOutbox(): Promise<void>;
  /**
   * Starts a worker, which runs jobs. If the jobs database cannot be reached, the promise still resolves, and the worker
   * keeps trying.
   *
   * @throws {@link JobsError} `HANDLER_INVALID`, `TASK_DUPLICATE`, `OPTIONS_INVALID`, `POOL_TOO_SMALL`,
   * `POOLER_UNSUPPORTED`, `DATABASE_UNSUPPORTED`, `CONNECTION_MISSING`, `JOBS_DATABASE_REFUSED`, `CLOSED`,
   * `MIGRATION_NEWER`; `MIGRATION_MISSING` with `migrate: false`.
   */
  startWorker(options: WorkerOptions): Promise<Worker>;
  /**
   * Starts a relay, which moves outbox rows. Only a process without a worker needs it: a worker has a relay of its own.
   *
   * @throws {@link JobsError} `OUTBOX_MISSING` without an outbox; `OPTIONS_INVALID`, `CONNECTION_MISSING`,
   * `POOL_TOO_SMALL`, `CLOSED`.
   */
  startRelay(options?: RelayOptions): Relay;
  readonly deadLetters: DeadLetters;
  /** Reads and changes what is in the queue, for operators. */
  readonly admin: Admin;
  /**
   * Forgets idempotency keys of `runOnce` that have not been used for `olderThanMs` and that no job, outbox row or dead
   * letter can use again. Only keys that are, or begin with, the id of a job are forgotten. A worker with the option
   * `idempotencyKeys` does this by itself.
   *
   * All jobs that use keys of that database must be in this jobs database.
   *
   * @returns how many keys were forgotten.
   * @throws {@link JobsError} `OPTIONS_INVALID` for less than a day. Errors of either database are thrown unchanged, and nothing
   * is forgotten.
   */
  purgeIdempotencyKeys(unitOfWork: IdempotencyKeys, options?: IdempotencyKeyRetention): Promise<number>;
  /**
   * The state of the workers and databases, and how much waits in the outbox.
   *
   * @throws Nothing: a database that does not answer is `"down"`.
   */
  health(): Promise<JobsHealth>;
  /**
   * Stops all workers and relays, waits for calls of `enqueue` that have begun, and ends the pools that were opened for
   * URLs. If the network has gone silent, it stops waiting after a while. Pools that were given stay open.
   *
   * @throws {@link JobsError} `STOP_INCOMPLETE` if a worker could not write everything, once all have ended.
   */
  close(): Promise<void>;
}

/** Graphile Worker's listener, the heartbeat and a few queries at once. More queries would only wait in PostgreSQL. */
const jobsPoolSize = 12;
const outboxPoolSize = 4;
const longestWriteMs = 5_000;

/**
 * Makes the jobs of an application. Does not connect yet.
 *
 * @throws {@link JobsError} `OPTIONS_INVALID`; `CONNECTION_INVALID` for a connection that is neither a PostgreSQL URL
 * nor a pg.Pool;
 * `CONNECTION_MISSING` if there is neither a connection nor an outbox; `NODE_UNSUPPORTED` on Node before 22.18.
 * @example
 * ```ts
 * const jobs = createJobs({ connection: "postgres://app@localhost:5432/app" });
 * await jobs.migrate();
 * await jobs.enqueue(sendReceipt, { orderId });
 * ```
 */
export function createJobs(given: JobsOptions): Jobs {
  checkNames(given, {
    what: "createJobs()",
    known: ["connection", "outbox", "logger"] satisfies (keyof JobsOptions)[],
  });
  const { connection, outbox } = given;
  const logger = protectLogger(given.logger ?? defaultLogger, defaultLogger);
  checkNodeVersion();
  if (connection === undefined && outbox === undefined) throw connectionMissing();
  const jobsPool = lazyPool(connection, "jobs", jobsPoolSize);
  const outboxPool = outbox && lazyPool(outbox.connection, "outbox", outboxPoolSize);
  const migrator = createMigrator({ jobs: jobsPool.get, outbox: outboxPool?.get }, logger);
  const databases = { jobs: jobsPool.get, outbox: outboxPool?.get };
  const purgeKeys = (unitOfWork: IdempotencyKeys, purgeOptions?: IdempotencyKeyRetention) =>
    purgeIdempotencyKeys(unitOfWork, databases, purgeOptions);
  const parts = createRunningParts({ jobsPool, outboxPool, migrator, logger, purgeIdempotencyKeys: purgeKeys });

  const outboxSide = outboxPool && {
    db: outboxPool.get,
    isNeeded: () => !migrator.isOneDatabase,
    canHaveRows: () => migrator.hasOutbox,
  };
  const writer = createJobWriter({ jobs: jobsPool.get, outbox: outboxSide });
  const announcer = outboxPool && createAnnouncer(outboxPool.get);
  const wakeRelays = () => {
    parts.wakeRelays();
    if (!migrator.isOneDatabase) announcer?.committed();
  };
  const { enqueue, enqueueMany, settled } = createEnqueue({
    writer,
    hasOutbox: outbox !== undefined,
    onCommitted: wakeRelays,
    onWritten: () => {
      if (!migrator.isOneDatabase) announcer?.written();
    },
  });

  const close = async () => {
    try {
      await parts.close();
    } finally {
      // When a pool ends, whatever still waits for a connection of it never gets one.
      await withTimeout(longestWriteMs, settled()).catch(() => undefined);
      await announcer?.close();
      await Promise.all([jobsPool.close(), outboxPool?.close()]);
    }
  };

  const hidden: { readonly [internals]: JobsInternals } = {
    [internals]: {
      jobsPool: jobsPool.get,
      outboxPool: outboxPool?.get,
      hasJobs: connection !== undefined,
      isOneDatabase: () => migrator.isOneDatabase,
      startWorker: parts.startWorker,
    },
  };
  return {
    ...hidden,
    enqueue,
    enqueueMany,
    durable: createDurable(writer, wakeRelays),
    async migrate(options = {}) {
      checkNames(options, { what: "migrate()", known: ["endOlderWorkers"] satisfies (keyof MigrateOptions)[] });
      await migrator.migrateOutbox();
      await migrator.migrateJobs(options);
      await migrator.compare();
    },
    migrateOutbox: () => migrator.migrateOutbox(),
    startWorker: (options) => parts.startWorker(options),
    startRelay: parts.startRelay,
    deadLetters: createDeadLetters(jobsPool.get),
    admin: createAdmin(databases),
    purgeIdempotencyKeys: purgeKeys,
    health: createHealth({
      jobs: connection === undefined ? undefined : jobsPool.get,
      outbox: outboxPool?.get,
      workers: () => parts.workerStates,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function connectionMissing(): JobsError {
  return new JobsError("CONNECTION_MISSING", "createJobs() needs a connection, an outbox, or both.");
}
