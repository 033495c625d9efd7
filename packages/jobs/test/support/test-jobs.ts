import { createTemplate, createTestDatabase } from "@acme/test-postgres";
import type pg from "pg";
import { createJobs, type Jobs, type Logger } from "../../src/index.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export interface TestJobs extends AsyncDisposable {
  readonly jobs: Jobs;
  /** The database of the jobs. */
  readonly jobsPool: pg.Pool;
  readonly jobsUrl: string;
  /** The database of the data: the same one, or that of the outbox. */
  readonly dataPool: pg.Pool;
  readonly dataUrl: string;
  readonly log: LogLine[];
}

/** Jobs on migrated databases of their own: beside the data, or in another database with an outbox between. */
export async function createTestJobs({ outbox = false }: { outbox?: boolean } = {}): Promise<TestJobs> {
  const jobsDatabase = await createTestDatabase({ template: await createTemplate("jobs", migrateJobs) });
  const dataDatabase = outbox
    ? await createTestDatabase({ template: await createTemplate("outbox", migrateOutbox) })
    : jobsDatabase;
  const log: LogLine[] = [];
  const jobs = createJobs({
    connection: jobsDatabase.url,
    ...(outbox && { outbox: { connection: dataDatabase.url } }),
    logger: collectInto(log),
  });
  return {
    jobs,
    jobsPool: jobsDatabase.pool(),
    jobsUrl: jobsDatabase.url,
    dataPool: dataDatabase.pool(),
    dataUrl: dataDatabase.url,
    log,
    async [Symbol.asyncDispose]() {
      await jobs.close();
      await jobsDatabase[Symbol.asyncDispose]();
      if (outbox) await dataDatabase[Symbol.asyncDispose]();
    },
  };
}

export function collectInto(log: LogLine[]): Logger {
  const at = (level: LogLine["level"]) => (fields: object, message: string) =>
    void log.push({ level, fields: { ...fields }, message });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const silent = collectInto([]);

export async function migrateJobs(url: string): Promise<void> {
  await using jobs = createJobs({ connection: url, logger: silent });
  await jobs.migrate();
}

export async function migrateOutbox(url: string): Promise<void> {
  await using jobs = createJobs({ connection: url, outbox: { connection: url }, logger: silent });
  await jobs.migrateOutbox();
}

/** The jobs that Graphile Worker holds. */
export async function storedJobs(pool: pg.Pool) {
  const { rows } = await pool.query<{ task: string; attempts: number; queue: string | null; key: string | null }>(
    "select task_identifier as task, attempts, queue_name as queue, key from graphile_worker.jobs order by id",
  );
  return rows;
}

/** The key of a job that plain SQL has added, in the shape that it has. */
export async function plainKeyOf(pool: pg.Pool, jobId: string): Promise<string> {
  const { rows } = await pool.query<{ key: string }>(
    `select concat_ws(':', installation.id, job.id, (extract(epoch from created_at) * 1000000)::bigint) as key
     from graphile_worker.jobs as job cross join acme_jobs.installation where job.id = $1`,
    [jobId],
  );
  return rows[0]!.key;
}

export async function outboxCount(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>("select count(*)::int as count from acme_jobs.outbox");
  return rows[0]!.count;
}
