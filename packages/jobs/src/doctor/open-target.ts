import { Pool } from "pg";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";
import { readCurrentCounts, type CurrentCounts } from "../statistics/current-counts.ts";
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
  let counts: Promise<CurrentCounts> | undefined;
  const noting = async <Answer>(answer: PromiseLike<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  return {
    name,
    db: {
      query: (text, values) => noting(asked.query(text, values)),
    },
    pool,
    counts: () => (counts ??= noting(readCurrentCounts(pool))),
    thresholds,
    async [Symbol.asyncDispose]() {
      // A statement that took too long is called off over this pool. Whatever waits when a pool ends is never sent.
      if (hasFailed) await withTimeout(answerWithinMs, pool.query("select")).catch(() => undefined);
      await withTimeout(answerWithinMs, pool.end()).catch(() => undefined);
    },
  };
}
