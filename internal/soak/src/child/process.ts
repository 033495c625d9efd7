import { Pool } from "pg";
import { createRandom } from "../random.ts";

/** By the clock of this machine, in milliseconds. */
export interface UnitTimes {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a writer knows of its units, told to the soak. */
export type Message =
  | { readonly kind: "seen"; readonly orderId: string }
  | { readonly kind: "confirmed" | "rejected"; readonly orderIds: readonly string[] }
  /** The reply to COMMIT was lost, and nobody could tell, in a unit without events. */
  | { readonly kind: "unknown"; readonly orderIds: readonly string[] }
  /** Nobody could tell, in a unit with events, which began and ended at these times. */
  | ({ readonly kind: "unresolved"; readonly orderIds: readonly string[] } & UnitTimes)
  /** Rolled back on purpose inside a unit that was confirmed. */
  | { readonly kind: "undone"; readonly orderIds: readonly string[] };

// Ctrl-C reaches the whole group; the soak decides when its children end.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());

const { promise, resolve } = Promise.withResolvers<void>();
process.on("message", (message) => {
  if (message === "stop") resolve();
});

export const stopRequested = promise;
/** Member and incarnation: `worker-1#3`. */
export const name = setting("SOAK_NAME");
export const urls = { app: setting("SOAK_APP_URL"), jobs: setting("SOAK_JOBS_URL") };
export const random = createRandom(Number(setting("SOAK_SEED")));

export function say(message: Message): void {
  process.send?.(message, undefined, undefined, () => undefined);
}

const write = (level: string) => (fields: object, message: string) => {
  const line = { ...fields, at: new Date().toISOString(), name, level, message };
  process.stdout.write(`${JSON.stringify(line, errorsReadably)}\n`);
};
export const logger = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };

/** A reply that is held for longer looks lost, and arrives after all: the connection must not be used again. */
export const queryTimeoutMs = 2_000;

export function openPool(max: number): Pool {
  const pool = new Pool({
    connectionString: urls.app,
    max,
    connectionTimeoutMillis: 10_000,
    query_timeout: queryTimeoutMs,
  });
  // A connection lost between two statements is an everyday matter here.
  pool.on("error", () => undefined);
  return pool;
}

/** Leaves no handle to wait for: what matters has been closed before. */
export function end(): never {
  process.exit();
}

function setting(key: string): string {
  const value = process.env[key];
  if (value === undefined) throw new Error(`${key} is not set: this file is started by the soak, not by hand.`);
  return value;
}

function errorsReadably(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { stack: value.stack, cause: value.cause, code: "code" in value ? value.code : undefined };
}
