import { randomBytes } from "node:crypto";
import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { createJobs, type PerformableTask } from "@acme/jobs";
import type Koa from "koa";
import type { Knex } from "knex";
import { createAppDatabase, type AppDatabase, type DatabaseLimits } from "./app-database.ts";
import { createApp } from "./app.ts";
import { createBackgroundJobs, type BackgroundJobs } from "./background-jobs.ts";
import { logBus } from "./bus-log.ts";
import type { Config } from "./config.ts";
import { registerHandlers } from "./handlers.ts";
import { createHealthCheck } from "./health.ts";
import { createRequestLimits } from "./http/request-limits.ts";
import { createBurstLog } from "./logging/burst-log.ts";
import type { Logger } from "./logging/logger.ts";
import { createMailer } from "./mailer/mailer.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/password-hasher.ts";
import { assertAppDatabaseMigrated, migrateAppDatabase, migrateJobsDatabase } from "./prepare-databases.ts";
import { createRoutes } from "./routes.ts";
import type { Services } from "./services.ts";
import { createShutdown } from "./shutdown.ts";
import { performTasks } from "./tasks/perform-tasks.ts";
import { createUseCases } from "./users/use-cases.ts";

/** Everything of the app, wired. It has opened nothing yet. */
export interface Composition {
  readonly database: AppDatabase;
  /** Every task, with its code. */
  readonly tasks: readonly PerformableTask[];
  readonly backgroundJobs: BackgroundJobs;
  readonly app: Koa;
  /** Brings the tables of the data and of the outbox up to date, or checks them when AUTO_MIGRATE is false. */
  prepareDatabase(): Promise<void>;
  /** Brings the jobs database up to date; does nothing where JOB_QUEUE_ENABLED is false. */
  prepareJobs(): Promise<void>;
  /** From now on `/health/ready` says that no new requests should come. */
  announceStop(): void;
  /** Closes everything. What is still in use at the deadline (default: STOP_DEADLINE_MS) is left behind, with a warning. */
  close(options?: { readonly deadlineMs: number }): Promise<void>;
}

/** The one place that knows how the parts fit together. */
export function compose({
  config,
  services,
  logger,
  limitSecret = randomBytes(32).toString("base64url"),
  passwordHasher = createPasswordHasher(),
  databaseLimits,
}: CompositionNeeds): Composition {
  const { databaseUrl, jobQueueDatabaseUrl = databaseUrl, smtpUrl, catcher } = services;
  const { publicUrl, trustedProxyCount } = config;

  const database = createAppDatabase({ databaseUrl, logger, limits: databaseLimits });
  const { knex, pool } = database;

  const bus = createEventBus<Knex.Transaction>({ logger });
  const unitOfWork = createUnitOfWork(knexTransactions(knex), { bus });
  const jobs = createJobs({
    // Switched off, the queue is not even told where the jobs database is: nothing here can ever connect to it.
    connection: config.jobQueueEnabled ? jobQueueDatabaseUrl : undefined,
    // Given always: where both are one database, that is found out, and the jobs are written directly.
    outbox: { connection: pool },
    logger,
  });

  const busLog = logBus(bus, logger);
  registerHandlers({ bus, jobs, logger });
  busLog.logRegistered();

  const mailer = createMailer({ smtpUrl, from: config.mailFrom, publicUrl });
  const tasks = performTasks({ knex, mailer, publicUrl });
  const backgroundJobs = createBackgroundJobs({
    jobs,
    tasks,
    isEnabled: config.jobQueueEnabled,
    concurrency: config.jobConcurrency,
    migrate: config.autoMigrate,
    logger,
  });

  const refusals = createBurstLog({ logger, message: "too busy: requests were refused" });
  const brokenRequests = createBurstLog({ logger, message: "requests broke" });
  const burstLogs = [refusals, brokenRequests];
  const shutdown = createShutdown({ unitOfWork, burstLogs, mailer, jobs, database, logger });

  const useCases = createUseCases({ unitOfWork, knex, passwordHasher });
  const limits = createRequestLimits({ pool, limits: config.limits, secret: limitSecret, logger });
  const checkHealth = createHealthCheck({ database, backgroundJobs, isStopping: () => shutdown.isAnnounced });
  const surroundings = { publicUrl, trustedProxyCount };
  const routers = createRoutes({ useCases, limits, checkHealth, catcher, surroundings });
  const app = createApp({ routers, trustedProxyCount, logger, refusals, brokenRequests });

  return {
    database,
    tasks,
    backgroundJobs,
    app,
    prepareDatabase: () =>
      config.autoMigrate
        ? migrateAppDatabase({ database, databaseUrl, logger })
        : assertAppDatabaseMigrated({ database, jobs }),
    async prepareJobs() {
      if (config.jobQueueEnabled) await migrateJobsDatabase(jobs);
    },
    announceStop: () => shutdown.announce(),
    close: (options) => shutdown.close({ deadlineMs: options?.deadlineMs ?? config.stopDeadlineMs }),
  };
}

interface CompositionNeeds {
  readonly config: Config;
  readonly services: Services;
  readonly logger: Logger;
  /** Only a process that serves requests needs one that others share. */
  readonly limitSecret?: string | undefined;
  readonly passwordHasher?: PasswordHasher;
  readonly databaseLimits?: DatabaseLimits | undefined;
}
