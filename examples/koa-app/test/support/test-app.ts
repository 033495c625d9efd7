import { Pool } from "pg";
import type { DatabaseLimits } from "../../src/app-database.ts";
import { compose, type Composition } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { choosePort, startServer } from "../../src/http/server.ts";
import {
  startMailCatcher,
  type CaughtMail,
  type MailCatcher,
  type MailCatcherOptions,
} from "../../src/local/mail-catcher.ts";
import { createPasswordHasher } from "../../src/passwords/password-hasher.ts";
import { createLogger } from "../../src/logging/logger.ts";
import { createAppDatabases } from "./app-databases.ts";

export interface TestAppOptions extends MailCatcherOptions {
  /** Over the defaults of these tests: limits that nobody reaches, and a PUBLIC_URL that is not where the app listens. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `one`: jobs and data together. */
  readonly databases?: "two" | "one";
  /** Where the app database is said to be, when not where it is. */
  readonly databaseUrl?: string;
  /** Where the jobs database is said to be, when not where it is. */
  readonly jobQueueDatabaseUrl?: string;
  /** Whether the mails are on the page, as with the embedded catcher. Default: true. */
  readonly showsMails?: boolean;
  /** How long the app database may take, where a test would wait too long for the defaults. */
  readonly databaseLimits?: DatabaseLimits;
  /** Runs before a password is hashed. What it throws is what the hasher throws. */
  readonly beforeHash?: () => void;
}

export interface LogLine extends Record<string, unknown> {
  readonly msg: string;
}

export interface TestApp extends AsyncDisposable {
  readonly url: string;
  readonly composition: Composition;
  readonly catcher: MailCatcher;
  /** The two databases, to look into; the same one twice with `databases: "one"`. */
  readonly data: Pool;
  readonly jobs: Pool;
  /** How many passwords have been hashed. */
  readonly hashCount: () => number;
  readonly logText: () => string;
  readonly logLines: () => LogLine[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  postForm(path: string, fields: Record<string, string>): Promise<Response>;
  mailsTo(address: string): CaughtMail[];
}

/** The app as `npm start` runs it, in this process, on databases of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { settings, databases = "two", showsMails = true } = options;
  const resources = new AsyncDisposableStack();
  const { data, jobs } = await createAppDatabases(databases, resources);
  const catcher = resources.use(await startMailCatcher(options));
  const lines: string[] = [];
  const hasher = createPasswordHasher();
  let hashCount = 0;

  const config = loadConfig({
    PUBLIC_URL: "https://accounts.example.org",
    LOG_LEVEL: "debug",
    LIMIT_CLIENT_COUNT: "100000",
    LIMIT_ADDRESS_COUNT: "100000",
    PORT: String(await choosePort({ host: "127.0.0.1", port: 0 })),
    ...settings,
  });
  const composition = compose({
    config,
    services: {
      databaseUrl: options.databaseUrl ?? data.url,
      jobQueueDatabaseUrl: databases === "one" ? undefined : (options.jobQueueDatabaseUrl ?? jobs.url),
      smtpUrl: settings?.["SMTP_URL"] ?? catcher.smtpUrl,
      catcher: showsMails ? catcher : undefined,
    },
    limitSecret: config.limitSecret,
    databaseLimits: options.databaseLimits,
    passwordHasher: {
      ...hasher,
      async hash(password) {
        hashCount += 1;
        options.beforeHash?.();
        return await hasher.hash(password);
      },
    },
    logger: createLogger({ level: config.logLevel, destination: { write: (line) => void lines.push(line) } }),
  });
  resources.defer(() => composition.close());
  await composition.prepareDatabase();
  resources.defer(() => composition.backgroundJobs.stop({ deadlineMs: 5_000 }));
  await composition.backgroundJobs.start();
  const server = await startServer(composition.app, config);
  resources.defer(() => server.stop({ deadlineMs: 1_000 }));

  const url = `http://127.0.0.1:${config.port}`;
  const request = (path: string, init?: RequestInit) => fetch(new URL(path, url), init);
  return {
    url,
    composition,
    catcher,
    data: data.pool({ max: 2 }),
    jobs: jobs.pool({ max: 2 }),
    hashCount: () => hashCount,
    logText: () => lines.join(""),
    logLines: () => lines.map((line) => JSON.parse(line) as LogLine),
    fetch: request,
    post: (path, body, headers) =>
      request(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    postForm: (path, fields) => request(path, { method: "POST", body: new URLSearchParams(fields) }),
    mailsTo: (address) => catcher.mails().filter(({ to }) => to.includes(address)),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
