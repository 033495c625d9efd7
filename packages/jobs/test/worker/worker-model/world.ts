import { createTemplate, createTestDatabase, serverUrl } from "@acme/test-postgres";
import { Client, escapeIdentifier } from "pg";
import { createJobs, type Jobs } from "../../../src/index.ts";
import { collectInto } from "../../support/test-jobs.ts";
import { isTolerant, type Model } from "./model.ts";
import type { Surroundings } from "./modelled-task.ts";
import { createPlainWorker, type PlainWorker } from "./plain-worker.ts";
import { createRealWorker, type RealWorker } from "./real-worker.ts";
import { rowsSql, type Rows } from "./rows.ts";

/** The real side: a database, workers, and a connection that no fault reaches. */
export interface World extends AsyncDisposable {
  readonly jobs: Jobs;
  readonly workers: readonly RealWorker[];
  readonly plain: PlainWorker;
  /** Holds the locks of tables, so that it is not kept out by them. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  read(): Promise<Rows>;
  /** The database is dropped and created again under everybody, and migrated; or another one, ready by then, takes its place. */
  recreate(how: "empty" | "ready"): Promise<void>;
}

export async function createWorld(model: Model): Promise<World> {
  const template = await createTemplate("jobs", migrate);
  const database = await createTestDatabase({ template });
  const { url } = database;
  const jobs = createJobs({ connection: url, logger: collectInto([]) });
  let watcher = await connect(url);
  await nameTasks(watcher, taskNames);
  const query: World["query"] = async (text, values) =>
    (await watcher.query<Record<string, unknown>>(text, values)).rows;
  const lockedBy: Surroundings["lockedBy"] = async (n) => {
    const text = "select locked_by from graphile_worker._private_jobs where (payload->>'n')::int = $1";
    // Unknown while the database is created anew.
    const [row] = await query(text, [n]).catch(() => []);
    return (row?.["locked_by"] ?? undefined) as string | undefined;
  };
  const plain = createPlainWorker(model, url);

  const workers = await Promise.all(model.workers.map((info) => createRealWorker({ model, info, lockedBy }, url)));
  return {
    jobs,
    workers,
    plain,
    query,
    async read() {
      const [row] = await query(rowsSql);
      return row?.["rows"] as Rows;
    },
    async recreate(how) {
      const name = escapeIdentifier(database.name);
      const next = escapeIdentifier(`${database.name}_next`);
      const source = how === "empty" ? "template0" : escapeIdentifier(template);
      const admin = await connect(serverUrl());
      await admin.query(`create database ${next} template ${source} strategy file_copy`);
      // A backup would have its name and its jobs; this one is a stranger.
      if (how === "ready") await makeStrange(`${url}_next`);
      await watcher.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.query(`alter database ${next} rename to ${name}`);
      await admin.end();
      if (how === "empty") await migrate(url);
      watcher = await connect(url);
    },
    async [Symbol.asyncDispose]() {
      // A lock of a table goes with its session.
      await watcher.end();
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
      await plain[Symbol.asyncDispose]();
      await jobs.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function migrate(url: string): Promise<void> {
  await using jobs = createJobs({ connection: url, logger: collectInto([]) });
  await jobs.migrate();
}

async function makeStrange(url: string): Promise<void> {
  const client = await connect(url);
  await client.query("update acme_jobs.installation set id = gen_random_uuid()");
  await nameTasks(client, isTolerant ? taskNames : taskNames.toReversed());
  await client.end();
}

const taskNames = ["theirs", "modelled"];

/** Workers ask once which number each has. */
async function nameTasks(client: Client, names: readonly string[]): Promise<void> {
  await client.query("insert into graphile_worker._private_tasks (identifier) select unnest($1::text[])", [names]);
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
