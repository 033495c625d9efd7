import { Client, type Pool } from "pg";
import { sendWithTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { withTimeout } from "@acme/shared/timeout";

/** The connection that holds the locks by which a worker shows that it lives. */
export interface SessionConnection extends Queryable {
  readonly ready: Promise<void>;
  /** It has ended, or has not answered in time. */
  readonly isBroken: boolean;
  end(): void;
}

/**
 * A host that vanishes frees its lock when the server gives its connection up: within about 12 s with these. Not every platform, and not every version,
 * has each of them.
 */
const settings = {
  tcp_keepalives_idle: 4,
  tcp_keepalives_interval: 2,
  tcp_keepalives_count: 4,
  tcp_user_timeout: 12_000,
  // A process that hangs keeps its locks.
  idle_session_timeout: 0,
};
const settingsSql = `do $settings$ begin
  ${Object.entries(settings)
    .map(([name, value]) => `begin set ${name} = ${value}; exception when others then null; end;`)
    .join("\n  ")}
end $settings$`;

/** Not one of the pool's: the code of jobs may use those, and a worker must not look dead because it is busy. */
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
