import { randomBytes } from "node:crypto";
import { afterAll } from "vitest";
import { Client } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";

/** What the suite calls its own sessions, to tell them from those that it watches. */
export const ownName = "conformance";

const tables = `
  create table rows (id int primary key);
  create table durable_rows (id int not null);
  create table checked_late (id int unique deferrable initially deferred);
  create table counters (id text primary key, value int not null);
  insert into counters values ('a', 0), ('b', 0);
  create function wait_at_commit() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(1); return null; end $$;
  create table slow_to_commit (id int);
  create constraint trigger wait after insert on slow_to_commit deferrable initially deferred
    for each row execute function wait_at_commit();`;

/** Empties what the tests of one world have filled. */
export const emptyTables = `truncate rows, durable_rows, checked_late, slow_to_commit; update counters set value = 0;
  drop schema if exists domain_events cascade`;

// One test after another has the same database, emptied: that takes a tenth of the time of a new one.
const idle = new Map<string, string[]>();
const made: { readonly serverUrl: string; readonly name: string }[] = [];

/** A database with the tables of the tests, beside the one that was named. */
export async function takeDatabase(serverUrl: string): Promise<string> {
  const waiting = idle.get(serverUrl)?.pop();
  if (waiting !== undefined) return waiting;
  const name = `acme_conformance_${randomBytes(6).toString("hex")}`;
  made.push({ serverUrl, name });
  await send(serverUrl, `create database ${name} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await send(url.href, tables);
  return url.href;
}

export function serverUrlOf({ databaseUrl }: Pick<TestedAdapter<never>, "databaseUrl">): string {
  return typeof databaseUrl === "string" ? databaseUrl : databaseUrl();
}

/** For the next test. */
export function giveBackDatabase(serverUrl: string, url: string): void {
  idle.set(serverUrl, [...(idle.get(serverUrl) ?? []), url]);
}

/** Has the databases dropped when the tests of this file, or of this `describe`, have ended. */
export function dropDatabasesAfterwards(): void {
  afterAll(async () => {
    idle.clear();
    for (const { serverUrl, name } of made.splice(0)) {
      await send(serverUrl, `drop database if exists ${name} with (force)`);
    }
  });
}

/** The tests are about what the adapter does, so they say at once if it is the server that cannot. */
export async function checkServer(serverUrl: string): Promise<void> {
  if (typeof Promise.withResolvers !== "function") throw new Error("The conformance suite needs Node 22 or later.");
  const [found] = await send(
    serverUrl,
    "select current_user as role, rolsuper as super from pg_roles where rolname = current_user",
  );
  if (found?.["super"] === true) return;
  throw new Error(
    `The role "${String(found?.["role"])}" of \`databaseUrl\` has to be a superuser, on a server for tests alone.`,
  );
}

/** Runs statements on a connection that is opened for them and closed after them. */
export async function send(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, application_name: ownName });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows;
  } finally {
    await client.end();
  }
}
