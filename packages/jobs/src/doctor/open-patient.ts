import { Pool } from "pg";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";
import type { DatabaseName, Patient } from "./check.ts";
import type { Thresholds } from "./thresholds.ts";

const connectWithinMs = 5_000;
const answerWithinMs = 2_000;
const mostConnections = 3;

/**
 * Opens connections of its own: the pool of the application may be used up, which must not hide everything else; and whether the
 * server lets a new connection in is a question, too.
 */
export function openPatient(name: DatabaseName, given: Pool, thresholds: Thresholds): Patient & AsyncDisposable {
  const pool = guard(new Pool(given.options));
  pool.options.max = mostConnections;
  pool.options.connectionTimeoutMillis = connectWithinMs;
  return {
    name,
    db: withQueryTimeout(pool, answerWithinMs),
    pool,
    thresholds,
    async [Symbol.asyncDispose]() {
      await withTimeout(answerWithinMs, pool.end()).catch(() => undefined);
    },
  };
}
