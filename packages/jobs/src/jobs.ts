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

/** Where the jobs live, and what the package tells. */
export interface JobsOptions {
  /**
   * The database the jobs live in: a URL, or a pg.Pool, which needs a `connectionTimeoutMillis` (with URLs it is 10 s), or who wants a connection
   * of it may wait for ever. Opened at the first use. Left out, with an `outbox`, the jobs are
   * only written to that, for processes that must never meet the jobs database.
   */
  readonly connection?: Connection | undefined;
  /** The database the data lives in, where that is another one. Jobs are written beside the data and moved by a relay. */
  readonly outbox?: { readonly connection: Connection } | undefined;
  /** pino fits. Default: warnings and errors to the console. */
  readonly logger?: Logger;
}

/** The jobs of an application, made by {@link createJobs}. */
export interface Jobs extends Enqueue, AsyncDisposable {
  /**
   * An event handler whose work is a job: written in the transaction that recorded the event, run at least once.
   *
   * `register(UserRegistered, jobs.durable(sendVerificationEmail, (event) => ({ userId: event.userId })))`
   */
  readonly durable: Durable;
  /**
   * Creates or updates the tables in both databases. Safe to run at every start, and by several processes at once.
   *
   * @throws {@link JobsError} `JOBS_DATABASE_UNREACHABLE` or `JOBS_DATABASE_REFUSED` (user, password, name of the
   * database); `DATABASE_UNSUPPORTED` where its encoding is not UTF8; `GRAPHILE_WORKER_OLDER` where that would end workers of others; `MIGRATION_NEWER` where a later version of this package has
   * migrated them. The outbox is ready then.
   */
  migrate(options?: MigrateOptions): Promise<void>;
  /** Only the outbox's tables: all that a process needs which enqueues and never meets the jobs database. @throws {@link JobsError} `DATABASE_UNSUPPORTED`, `MIGRATION_NEWER`. */
  migrateOutbox(): Promise<void>;
  /**
   * Runs jobs. Where the jobs database cannot be reached, the promise resolves all the same and the worker keeps trying.
   *
   * @throws {@link JobsError} `HANDLER_INVALID`, `TASK_DUPLICATE`, `OPTIONS_INVALID`, `POOL_TOO_SMALL`, `POOLER_UNSUPPORTED`, `DATABASE_UNSUPPORTED`, `CONNECTION_MISSING`, `JOBS_DATABASE_REFUSED`, `CLOSED`;
   * `MIGRATION_NEWER`; `MIGRATION_MISSING` with `migrate: false`.
   */
  startWorker(options: WorkerOptions): Promise<Worker>;
  /** Moves outbox rows, in a process that runs no worker. @throws {@link JobsError} `OUTBOX_MISSING` without an outbox; `POOL_TOO_SMALL`, `CLOSED`. */
  startRelay(options?: RelayOptions): Relay;
  readonly deadLetters: DeadLetters;
  /**
   * Forgets keys of `runOnce` that nobody has come with for so long, and that no job, outbox row or dead letter of these jobs
   * could come back with. Only keys that are the id of a job, or begin with one. A worker with `idempotencyKeys` does it by itself.
   *
   * All jobs that use keys of that database must be in this jobs database.
   *
   * @returns how many keys were forgotten.
   * @throws {@link JobsError} `OPTIONS_INVALID` for less than a day; errors of either database: nothing is forgotten then.
   */
  purgeIdempotencyKeys(unitOfWork: IdempotencyKeys, options?: IdempotencyKeyRetention): Promise<number>;
  /** Whether the parts answer, and what waits in the outbox. Never rejects. */
  health(): Promise<JobsHealth>;
  /**
   * Stops workers and relays that still run, lets `enqueue` finish what it has begun, and ends the pools that were opened for URLs. On a
   * network that has gone silent it gives up after a while, and so does whoever has called `stop()`.
   */
  close(): Promise<void>;
}

/** Graphile Worker's listener, the session and a few queries at once; more only wait in PostgreSQL. */
const jobsPoolSize = 12;
const outboxPoolSize = 4;
const longestWriteMs = 5_000;

/**
 * Makes the jobs of an application. Connects to nothing yet.
 *
 * @throws {@link JobsError} `OPTIONS_INVALID`; `CONNECTION_INVALID` for what is neither a PostgreSQL URL nor a pg.Pool;
 * `CONNECTION_MISSING` without a connection and an outbox; `NODE_UNSUPPORTED` on Node before 22.18.
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
      // A pool that ends leaves those without a connection that wait for one.
      await withTimeout(longestWriteMs, settled()).catch(() => undefined);
      await announcer?.close();
      await Promise.all([jobsPool.close(), outboxPool?.close()]);
    }
  };

  const hidden: { readonly [internals]: JobsInternals } = {
    [internals]: { jobsPool: jobsPool.get, outboxPool: outboxPool?.get },
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
    startWorker: parts.startWorker,
    startRelay: parts.startRelay,
    deadLetters: createDeadLetters(jobsPool.get),
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
