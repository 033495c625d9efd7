import { Pool } from "pg";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";
import type { DatabaseName, Target } from "./check.ts";
import type { Thresholds } from "./thresholds.ts";

const connectWithinMs = 5_000;
const answerWithinMs = 2_000;
const mostConnections = 3;

/**
 * Opens connections of its own: the pool of the application may be used up, which must not hide everything else; and whether the
 * server lets a new connection in is a question, too.
 */
export function openTarget(name: DatabaseName, given: Pool, thresholds: Thresholds): Target & AsyncDisposable {
  const pool = guard(new Pool(given.options));
  pool.options.max = mostConnections;
  pool.options.connectionTimeoutMillis = connectWithinMs;
  const asked = withQueryTimeout(pool, answerWithinMs);
  let hasFailed = false;
  return {
    name,
    db: {
      query: (text, values) =>
        asked.query(text, values).then(
          (answer) => answer,
          (error: unknown) => {
            hasFailed = true;
            throw error;
          },
        ),
    },
    pool,
    thresholds,
    async [Symbol.asyncDispose]() {
      // A statement that took too long is called off over this pool. Whatever waits when a pool ends is never sent.
      if (hasFailed) await withTimeout(answerWithinMs, pool.query("select")).catch(() => undefined);
      await withTimeout(answerWithinMs, pool.end()).catch(() => undefined);
    },
  };
}
