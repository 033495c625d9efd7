import { randomBytes } from "node:crypto";
import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { createJobs } from "@acme/jobs";
import type Koa from "koa";
import type { Knex } from "knex";
import { createAppDatabase, type AppDatabase, type DatabaseLimits } from "./app-database.ts";
import { createApp } from "./app.ts";
import { createBackgroundJobs, type BackgroundJobs } from "./background-jobs.ts";
import { logBus } from "./bus-log.ts";
import { closesInTime } from "./close-in-time.ts";
import type { Config } from "./config.ts";
import { explainingRefusals } from "./database-refusal.ts";
import { registerHandlers } from "./handlers.ts";
import { createHealthCheck } from "./health.ts";
import { authRoutes } from "./http/auth-routes.ts";
import { healthRoutes } from "./http/health-routes.ts";
import { createRequestLimits } from "./http/request-limits.ts";
import { verifyEmailRoutes } from "./http/verify-email-routes.ts";
import { createBurstLog } from "./logging/burst-log.ts";
import type { Logger } from "./logging/logger.ts";
import { createMailer } from "./mailer/mailer.ts";
import { mailRoutes } from "./page/mail-routes.ts";
import { pageRoutes } from "./page/page-routes.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/password-hasher.ts";
import type { Services } from "./services.ts";
import { StartupError } from "./startup-error.ts";
import { performSendAlreadyRegisteredEmail } from "./tasks/send-already-registered-email.ts";
import { performSendVerificationEmail } from "./tasks/send-verification-email.ts";
import { createRegisterUser } from "./users/register-user.ts";
import { createRequestVerification } from "./users/request-verification.ts";
import { createVerifyEmail } from "./users/verify-email.ts";

/** Everything of the app, wired. It has opened nothing yet. */
export interface Composition {
  readonly database: AppDatabase;
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
  const bus = createEventBus<Knex.Transaction>({ logger });
  const unitOfWork = createUnitOfWork(knexTransactions(database.knex), { bus });
  const jobs = createJobs({
    // Switched off, the queue is not even told where the jobs database is: nothing here can ever connect to it.
    connection: config.jobQueueEnabled ? jobQueueDatabaseUrl : undefined,
    // Given always: where both are one database, that is found out, and the jobs are written directly.
    outbox: { connection: database.pool },
    logger,
  });

  const busLog = logBus(bus, logger);
  registerHandlers({ bus, jobs, logger });
  busLog.logRegistered();

  const mailer = createMailer({ smtpUrl, from: config.mailFrom, publicUrl });
  const tasks = [
    performSendVerificationEmail({ knex: database.knex, mailer, publicUrl }),
    performSendAlreadyRegisteredEmail({ knex: database.knex, mailer }),
  ];
  const backgroundJobs = createBackgroundJobs({
    jobs,
    tasks,
    isEnabled: config.jobQueueEnabled,
    concurrency: config.jobConcurrency,
    migrate: config.autoMigrate,
    logger,
  });

  const limits = createRequestLimits({ pool: database.pool, limits: config.limits, secret: limitSecret, logger });
  const registerUser = createRegisterUser({ unitOfWork });
  const requestVerification = createRequestVerification({ unitOfWork });
  const verifyEmail = createVerifyEmail({ unitOfWork, knex: database.knex, passwordHasher });

  let isStopping = false;
  let closed: Promise<void> | undefined;
  const checkHealth = createHealthCheck({ database, backgroundJobs, isStopping: () => isStopping });
  const refusals = createBurstLog({ logger, message: "too busy: requests were refused" });
  const brokenRequests = createBurstLog({ logger, message: "requests broke" });
  const app = createApp({
    trustedProxyCount,
    logger,
    refusals,
    brokenRequests,
    routers: [
      authRoutes({ limits, registerUser, requestVerification }),
      verifyEmailRoutes({ limits, verifyEmail }),
      healthRoutes({ checkHealth }),
      pageRoutes({ limits, registerUser, requestVerification, catcher, publicUrl, trustedProxyCount }),
      ...(catcher === undefined ? [] : [mailRoutes({ catcher, publicUrl, trustedProxyCount })]),
    ],
  });

  return {
    database,
    backgroundJobs,
    app,
    async prepareDatabase() {
      if (config.autoMigrate) {
        await database.migrate();
        // Not over the pool of the requests, whose statements are bounded: the turn of another process may take long.
        await using migrating = createJobs({ outbox: { connection: databaseUrl }, logger });
        await migrating.migrateOutbox();
      } else {
        await database.assertMigrated();
        if (typeof (await jobs.health()).outbox === "string") throw outboxMissing();
      }
    },
    async prepareJobs() {
      if (config.jobQueueEnabled) await explainingRefusals("JOB_QUEUE_DATABASE_URL", () => jobs.migrate());
    },
    announceStop: () => {
      isStopping = true;
    },
    close: (options) => (closed ??= close(options?.deadlineMs ?? config.stopDeadlineMs)),
  };

  async function close(deadlineMs: number): Promise<void> {
    const { dropped, unfinishedUnitCount } = await unitOfWork.stop({ deadlineMs });
    if (dropped.length + unfinishedUnitCount > 0) {
      logger.warn({ dropped, unfinishedUnitCount }, "stopped before all units of work and handlers had ended");
    }
    refusals.flush();
    brokenRequests.flush();
    mailer.close();
    const closing = jobs.close().then(() => database.close());
    if (await closesInTime(closing, { withinMs: closeGraceMs })) return;
    logger.warn("database connections were still in use; the process ends without them");
  }
}

/** Connections that nobody uses close at once. */
const closeGraceMs = 2_000;

function outboxMissing(): StartupError {
  return new StartupError(
    "MIGRATION_MISSING",
    'The app database has no outbox, and AUTO_MIGRATE is false. Run "npm run migrate", then start again.',
  );
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
