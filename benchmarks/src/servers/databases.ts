import { Client } from "../engine.ts";
import type { World } from "../benchmark.ts";

/** A database of one run. */
export interface Database extends AsyncDisposable {
  readonly url: string;
}

const templates = new Map<string, Promise<string>>();
let count = 0;

/**
 * Every run begins with the same database: what the last one left behind, dead rows above all, is no part of it.
 *
 * @param key names the template, which `prepare` fills at its first use in this process.
 */
export async function freshDatabase(
  world: World,
  key: string,
  prepare: (url: string) => Promise<void>,
): Promise<Database> {
  const template = await (templates.get(key) ?? makeTemplate(world, key, prepare));
  const name = nextName();
  await administer(world, `create database ${name} template ${template} strategy file_copy`);
  // What was written so far is on the disk now, and not in the middle of somebody's run.
  await administer(world, "checkpoint");
  return {
    url: urlOf(world, name),
    [Symbol.asyncDispose]: () => administer(world, `drop database ${name} with (force)`),
  };
}

function makeTemplate(world: World, key: string, prepare: (url: string) => Promise<void>): Promise<string> {
  const name = nextName();
  const making = administer(world, `create database ${name}`)
    .then(() => prepare(urlOf(world, name)))
    // Whoever still holds a connection would keep it from being copied.
    .then(() => administer(world, `alter database ${name} is_template true`))
    .then(() => endConnections(world, name))
    .then(() => name);
  templates.set(key, making);
  return making;
}

async function endConnections(world: World, name: string): Promise<void> {
  await administer(world, `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
}

async function administer({ postgresUrl }: World, sql: string): Promise<void> {
  await withClient(postgresUrl, (client) => client.query(sql));
}

export async function withClient<Result>(url: string, work: (client: InstanceType<typeof Client>) => Promise<Result>) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function nextName(): string {
  return `bench_${process.pid}_${++count}`;
}

function urlOf({ postgresUrl }: World, name: string): string {
  const url = new URL(postgresUrl);
  url.pathname = name;
  return url.href;
}
