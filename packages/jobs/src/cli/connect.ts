import type { Jobs, JobsOptions } from "../jobs.ts";
import type { CliConfig } from "./config.ts";
import type { GlobalOptions } from "./global-options.ts";
import { UsageError } from "./usage-error.ts";

/** Opened jobs, and whether this process has opened them. */
interface Connected {
  readonly jobs: Jobs;
  close(): Promise<void>;
}

/**
 * Opens the jobs of the options, of the environment, or of the configuration file: the first that names a database.
 *
 * @throws {@link UsageError} if none does.
 */
export async function connect(
  options: GlobalOptions,
  readConfig: () => Promise<CliConfig | undefined>,
): Promise<Connected> {
  const named = namedDatabases(options, process.env);
  const given = named === undefined ? (await readConfig())?.jobs : undefined;
  if (given !== undefined) return { jobs: given, close: () => given.close() };
  if (named === undefined) {
    throw new UsageError(
      "No database is named. Give --url postgres://…, set JOB_QUEUE_DATABASE_URL or DATABASE_URL, or write an acme-jobs.config.ts that exports jobs.",
    );
  }
  const { createJobs } = await import("../jobs.ts");
  const jobs = createJobs({ ...named, logger: quietLogger });
  return { jobs, close: () => jobs.close() };
}

function namedDatabases(
  { url, outboxUrl }: GlobalOptions,
  { JOB_QUEUE_DATABASE_URL: queueUrl, DATABASE_URL: dataUrl }: NodeJS.ProcessEnv,
): Pick<JobsOptions, "connection" | "outbox"> | undefined {
  if (url !== undefined) return { connection: url, outbox: outboxAt(outboxUrl) };
  // Spaces or nothing: as good as unset.
  const [queue, data] = [queueUrl?.trim() || undefined, dataUrl?.trim() || undefined];
  if (queue !== undefined)
    return { connection: queue, outbox: outboxAt(outboxUrl ?? (data === queue ? undefined : data)) };
  if (data !== undefined) return { connection: data, outbox: outboxAt(outboxUrl) };
  return undefined;
}

function outboxAt(connection: string | undefined): JobsOptions["outbox"] {
  return connection === undefined ? undefined : { connection };
}

const nothing = () => undefined;

/** What goes wrong is said once, by the error of the command. */
const quietLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
