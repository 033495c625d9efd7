import { Client, type Pool } from "pg";
import { sendWithTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { withTimeout } from "@acme/shared/timeout";

/** The heartbeat connection, which holds the advisory locks of a worker. */
export interface SessionConnection extends Queryable {
  readonly ready: Promise<void>;
  /** Whether the connection has ended, or has not answered in time. */
  readonly isBroken: boolean;
  end(): void;
}

/**
 * If a host vanishes, its locks are free when the server gives up the connection: within about 12 s with these settings. Some
 * platforms and versions lack some of them.
 */
const settings = {
  tcp_keepalives_idle: 4,
  tcp_keepalives_interval: 2,
  tcp_keepalives_count: 4,
  tcp_user_timeout: 12_000,
  // No idle timeout: a process that hangs must keep its locks.
  idle_session_timeout: 0,
};
const settingsSql = `do $settings$ begin
  ${Object.entries(settings)
    .map(([name, value]) => `begin set ${name} = ${value}; exception when others then null; end;`)
    .join("\n  ")}
end $settings$`;

/** Not a connection of the pool: the code of jobs may use all of those, and a busy worker must not look dead. */
export function connectSession(pool: Pool, longestAnswerMs: number): SessionConnection {
  const client = new Client(pool.options);
  let isBroken = false;
  client.on("error", () => (isBroken = true)).on("end", () => (isBroken = true));
  const query = (text: string, values: readonly unknown[] = []) =>
    sendWithTimeout({ pool, client }, { text, values: [...values] }, longestAnswerMs);
  const connect = async () => {
    await withTimeout(longestAnswerMs, client.connect());
    await query(settingsSql).catch(() => undefined);
  };
  return {
    query,
    ready: connect(),
    get isBroken() {
      return isBroken;
    },
    end() {
      client.end().catch(() => undefined);
    },
  };
}
