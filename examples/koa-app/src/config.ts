import { fileURLToPath } from "node:url";
import { z } from "zod";
import { flag, isSender, sender, urlOf, wholeNumber } from "./config-fields.ts";
import { StartupError } from "./startup-error.ts";

/**
 * Reads the settings of the app from the environment.
 *
 * An empty or blank variable counts as unset, so that an env file may list what it does not set. Every wrong variable gets one line in
 * the error, and no line repeats a value: a connection string holds a password.
 *
 * @param defaults what counts where the environment sets nothing.
 * @throws {@link StartupError} `SETTINGS_INVALID`, naming each variable and what it should be.
 */
export function loadConfig(environment: NodeJS.ProcessEnv, defaults: SettingDefaults = {}): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ""));
  const parsed = settings.safeParse({ ...defaults, ...given });
  if (!parsed.success) throw settingsError(parsed.error.issues);

  const { DATABASE_URL, JOB_QUEUE_DATABASE_URL, SMTP_URL, PORT, HOST, PUBLIC_URL, ...rest } = parsed.data;
  const publicUrl = PUBLIC_URL ?? new URL(`http://localhost:${PORT}`);
  const mailFrom = rest.MAIL_FROM ?? `no-reply@${publicUrl.hostname}`;
  if (!isSender(mailFrom)) throw senderMissing();
  return {
    databaseUrl: DATABASE_URL,
    jobQueueDatabaseUrl: JOB_QUEUE_DATABASE_URL,
    jobQueueEnabled: rest.JOB_QUEUE_ENABLED,
    jobConcurrency: rest.JOB_CONCURRENCY,
    autoMigrate: rest.AUTO_MIGRATE,
    host: HOST,
    port: PORT,
    publicUrl,
    smtpUrl: SMTP_URL,
    mailFrom,
    trustedProxyCount: rest.TRUST_PROXY,
    logLevel: rest.LOG_LEVEL,
    dataDir: rest.DATA_DIR ?? fileURLToPath(new URL("../../../.data", import.meta.url)),
    stopDeadlineMs: rest.STOP_DEADLINE_MS,
    limitSecret: rest.LIMIT_SECRET,
    limits: {
      clientCount: rest.LIMIT_CLIENT_COUNT,
      addressCount: rest.LIMIT_ADDRESS_COUNT,
      windowSeconds: rest.LIMIT_WINDOW_SECONDS,
    },
  };
}

/** Settings that a command has found out. */
export interface SettingDefaults {
  readonly PUBLIC_URL?: string | undefined;
  readonly MAIL_FROM?: string | undefined;
}

export interface Config {
  /** Unset: an embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Unset while `databaseUrl` is set: one database holds the data and the jobs. */
  readonly jobQueueDatabaseUrl: string | undefined;
  readonly jobQueueEnabled: boolean;
  readonly jobConcurrency: number;
  readonly autoMigrate: boolean;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Links in mails start with it; a `Host` header never gets there. */
  readonly publicUrl: URL;
  /** Unset: the embedded mail catcher. */
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  /** How many proxies in front of the app append to `X-Forwarded-For`; 0 ignores the header. */
  readonly trustedProxyCount: number;
  readonly logLevel: LogLevel;
  readonly dataDir: string;
  readonly stopDeadlineMs: number;
  /** What the keys of the limits are hashed with. Unset: a random one under `dataDir`. */
  readonly limitSecret: string | undefined;
  readonly limits: Limits;
}

/** How many requests one client, and how many mails one address, may cause in a window. */
export interface Limits {
  readonly clientCount: number;
  readonly addressCount: number;
  readonly windowSeconds: number;
}

export type LogLevel = (typeof logLevels)[number];

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const settings = z
  .object({
    DATABASE_URL: urlOf(["postgres:", "postgresql:"], "postgres://user:password@host:5432/app").optional(),
    JOB_QUEUE_DATABASE_URL: urlOf(["postgres:", "postgresql:"], "postgres://user:password@host:5432/jobs").optional(),
    JOB_QUEUE_ENABLED: flag(true),
    JOB_CONCURRENCY: wholeNumber(1, 1_000, 10),
    AUTO_MIGRATE: flag(true),
    HOST: z.string().trim().default("127.0.0.1"),
    PORT: wholeNumber(0, 65_535, 3_000),
    PUBLIC_URL: urlOf(["http:", "https:"], "https://accounts.example.org")
      .transform((url) => new URL(url))
      .refine((url) => url.href === `${url.origin}/`, "expected a URL without user, path and query.")
      .optional(),
    SMTP_URL: urlOf(["smtp:", "smtps:"], "smtp://user:password@host:587", { needsHost: true }).optional(),
    MAIL_FROM: sender().optional(),
    TRUST_PROXY: z
      .union([flag(false).transform(Number), wholeNumber(0, 10, 0)], {
        error: "expected true, false, or the number of proxies in front of the app (0 to 10).",
      })
      .default(0),
    LOG_LEVEL: z.enum(logLevels, { error: `expected one of ${logLevels.join(", ")}.` }).default("info"),
    DATA_DIR: z.string().optional(),
    STOP_DEADLINE_MS: wholeNumber(0, 600_000, 25_000),
    LIMIT_CLIENT_COUNT: wholeNumber(1, 1_000_000, 60),
    LIMIT_ADDRESS_COUNT: wholeNumber(1, 1_000_000, 5),
    LIMIT_WINDOW_SECONDS: wholeNumber(1, 86_400, 900),
    LIMIT_SECRET: z.string().min(32, "expected at least 32 random characters.").optional(),
  })
  .superRefine((given, context) => {
    if (given.DATABASE_URL === undefined || given.SMTP_URL !== undefined) return;
    context.addIssue({
      code: "custom",
      path: ["SMTP_URL"],
      message:
        "is needed once DATABASE_URL is set: the mail catcher belongs to the embedded servers. " +
        "Set it (smtp://localhost:1025 with docker compose), or leave DATABASE_URL out.",
    });
  });

function senderMissing(): StartupError {
  return new StartupError(
    "SETTINGS_INVALID",
    "The settings cannot be used:\n  MAIL_FROM: is needed, since no mail can come from the host of PUBLIC_URL. Set it, such as Acme <no-reply@example.org>.",
  );
}

/** The names of all variables that `loadConfig` reads. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

function settingsError(issues: readonly z.core.$ZodIssue[]): StartupError {
  const lines = issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  return new StartupError("SETTINGS_INVALID", `The settings cannot be used:\n${[...new Set(lines)].join("\n")}`);
}
