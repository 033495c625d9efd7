import { join } from "node:path";
import { startLocalPostgres } from "@acme/local-postgres";
import type { Config, SettingDefaults } from "./config.ts";
import { startMailCatcher, type MailCatcher } from "./local/mail-catcher.ts";
import { readRuntimeFile, removeRuntimeFile, writeRuntimeFile } from "./local/runtime-file.ts";

/** The servers the app talks to: those of the settings, and embedded ones for what the settings leave out. */
export interface Services {
  readonly databaseUrl: string;
  /** Undefined: the jobs are in the app database. */
  readonly jobQueueDatabaseUrl: string | undefined;
  readonly smtpUrl: string;
  /** Set only where no real SMTP server is: its mails are shown to whoever opens the page. */
  readonly catcher: MailCatcher | undefined;
}

/**
 * Starts what the settings leave out: a PostgreSQL whose data stay in DATA_DIR, and a mail catcher. They stop with `resources`.
 *
 * Other commands with the same DATA_DIR find them through {@link findServices}.
 */
export async function startServices(config: Config, resources: AsyncDisposableStack): Promise<Services> {
  const given = givenServices(config);
  if (given !== undefined) return given;

  const postgres = resources.use(
    await startLocalPostgres({ dataDir: join(config.dataDir, "postgres"), databases: ["app", "jobs"], durable: true }),
  );
  const catcher = config.smtpUrl === undefined ? resources.use(await startMailCatcher()) : undefined;
  const services = {
    databaseUrl: postgres.url("app"),
    jobQueueDatabaseUrl: config.jobQueueDatabaseUrl ?? postgres.url("jobs"),
    smtpUrl: config.smtpUrl ?? catcher?.smtpUrl ?? "",
  };
  const { publicUrl, mailFrom } = config;
  await writeRuntimeFile(config.dataDir, { pid: process.pid, publicUrl: publicUrl.origin, mailFrom, ...services });
  resources.defer(() => removeRuntimeFile(config.dataDir));
  return { ...services, catcher };
}

/**
 * Finds the servers without starting any.
 *
 * @throws {@link StartupError} `LOCAL_SERVICES_MISSING` when the settings name none and none are running.
 */
export async function findServices(config: Config): Promise<Services & Partial<Owner>> {
  const given = givenServices(config);
  if (given !== undefined) return given;

  const { pid, publicUrl, mailFrom, databaseUrl, jobQueueDatabaseUrl, smtpUrl } = await readRuntimeFile(config.dataDir);
  return {
    databaseUrl,
    jobQueueDatabaseUrl: config.jobQueueDatabaseUrl ?? jobQueueDatabaseUrl,
    smtpUrl: config.smtpUrl ?? smtpUrl,
    catcher: undefined,
    ownerPid: pid,
    ownerSettings: { PUBLIC_URL: publicUrl, MAIL_FROM: mailFrom },
  };
}

/** The `npm start` whose servers they are. */
interface Owner {
  readonly ownerPid: number;
  readonly ownerSettings: SettingDefaults;
}

function givenServices({ databaseUrl, jobQueueDatabaseUrl, smtpUrl }: Config): Services | undefined {
  if (databaseUrl === undefined || smtpUrl === undefined) return undefined;
  return { databaseUrl, jobQueueDatabaseUrl, smtpUrl, catcher: undefined };
}
