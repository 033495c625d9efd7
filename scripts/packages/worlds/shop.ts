// The reader's world, as it is when an example of a README runs: a shop with its tables in the database that DATABASE_URL names.
import { randomUUID } from "node:crypto";
import { createEventBus } from "@acme/domain-events";
import createKnex, { type Knex } from "knex";
import { Pool } from "pg";
import { z } from "zod";

export type { Knex } from "knex";
export { z };

const url = String(process.env["DATABASE_URL"]);
export const pool = new Pool({ connectionString: url });
export const appPool = new Pool({ connectionString: url });
export const knex: Knex = createKnex({ client: "pg", connection: url });

await pool.query(`
  create table users (id serial primary key, email text not null);
  create table orders (id uuid primary key, state text, email text);
  create table audit (event_id text)`);
export const bus = createEventBus<Knex.Transaction>();
export const orderId = randomUUID();
export class GatewayTimeoutError extends Error {}

export const logger = {
  info: (..._words: unknown[]) => {},
  warn: (..._words: unknown[]) => {},
};

const sent: string[] = [];
export const mailer = {
  sendReceipt(id: string, _options?: { signal?: AbortSignal }): Promise<void> {
    sent.push(id);
    return Promise.resolve();
  },
};

/** Ends what the examples have left open, as an application would, so that the process can end by itself. */
export async function close(values: readonly unknown[]): Promise<void> {
  const closings = new Set(values.filter(isOpen));
  for (const value of closings) await value.stop?.({ deadlineMs: 5_000 });
  for (const value of closings) await value.close?.();
  for (const value of closings) await (value.destroy ?? value.end)?.call(value);
  console.log(JSON.stringify({ receipts: sent.length }));
}

interface Open {
  stop?(options: object): Promise<unknown>;
  close?(): Promise<unknown>;
  destroy?(): Promise<unknown>;
  end?(): Promise<unknown>;
}

function isOpen(value: unknown): value is Open {
  const isThing = (typeof value === "object" && value !== null) || typeof value === "function";
  return isThing && ["stop", "close", "destroy", "end"].some((name) => typeof Reflect.get(value, name) === "function");
}
