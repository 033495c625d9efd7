import { beforeAll, describe } from "vitest";
import { checkServer, dropDatabasesAfterwards, serverUrlOf } from "./databases.ts";
import { type Describe, parts } from "./parts.ts";
import type { TestedAdapter } from "./tested-adapter.ts";

/** A part of the suite, for a run that has to be short. */
export type ConformancePart = "commits" | "connections" | "retries" | "runOnce" | "savepoints" | "scopes";

/** What of the suite is run. */
export interface ConformanceOptions {
  /** Default: all. */
  readonly parts?: readonly ConformancePart[];
}

/** Ends a test of an adapter that hangs. The slowest take seven seconds. */
const timeout = 60_000;

/**
 * Declares the tests that an adapter or a data layer has to pass, for vitest. They need a PostgreSQL of version 13 or
 * later, with a role that is a superuser, a pg of the reader's, and Node 22. A proxy stands between the adapter and the
 * server, and loses, holds and cuts what passes: replies to COMMIT, requests, connections.
 *
 * Files with this suite run one after the other on one server (`fileParallelism: false`): tests make checkpoints and
 * lock a system catalog.
 *
 * @throws Nothing. A server or a role that will not do fails all tests, with an error that says so.
 *
 * @example
 * import { describeTransactionAdapter } from "@acme/domain-events/conformance";
 * import { drizzle } from "drizzle-orm/node-postgres";
 * describeTransactionAdapter({
 *   name: "Drizzle",
 *   databaseUrl: "postgres://postgres@localhost:5432/postgres",
 *   isOverPg: true,
 *   connect(url, { max, queryTimeoutMs, onClient }) {
 *     const own = new pg.Pool({ connectionString: url, max, ...(queryTimeoutMs && { query_timeout: queryTimeoutMs }) });
 *     own.on("error", () => {}).on("connect", onClient);
 *     return {
 *       adapter: pgTransactions(own, { tx: (client) => drizzle(client) }),
 *       inUseCount: () => own.totalCount - own.idleCount,
 *       end: () => own.end(),
 *     };
 *   },
 *   query: (tx, text) => tx.execute(text),
 *   unwrap: (error) => (error as Error).cause ?? error,
 * });
 */
export function describeTransactionAdapter<Tx>(tested: TestedAdapter<Tx>, options: ConformanceOptions = {}): void {
  const chosen = options.parts ?? (Object.keys(parts) as ConformancePart[]);
  describe(tested.name, { timeout }, () => {
    beforeAll(() => checkServer(serverUrlOf(tested)));
    dropDatabasesAfterwards();
    for (const part of chosen) for (const declare of parts[part] as readonly Describe[]) declare(tested);
  });
}
