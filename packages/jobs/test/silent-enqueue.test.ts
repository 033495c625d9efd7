import { startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask } from "../src/index.ts";
import { collectInto, createTestJobs, storedJobs } from "./support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe("enqueue outside of a transaction, over a connection that has gone silent", () => {
  it("rejects after half a minute, and the next call gets another connection", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const logger = collectInto([]);
    const pool = new Pool({ connectionString: proxy.url, connectionTimeoutMillis: 10_000 });
    pool.on("error", () => undefined);
    await using ofUrl = createJobs({ connection: proxy.url, logger });
    await using ofPool = createJobs({ connection: pool, logger });
    await ofUrl.enqueue(task, { n: 1 });
    await ofPool.enqueue(task, { n: 2 });
    proxy.goSilent();

    const rejected = await Promise.allSettled([ofUrl.enqueue(task, { n: 3 }), ofPool.enqueue(task, { n: 4 })]);

    const unreachable = { status: "rejected", reason: { code: "JOBS_DATABASE_UNREACHABLE" } };
    expect(rejected).toMatchObject([unreachable, unreachable]);
    proxy.resume();
    await Promise.all([ofUrl.enqueue(task, { n: 5 }), ofPool.enqueue(task, { n: 6 })]);
    expect((await storedJobs(test.jobsPool)).length).toBeGreaterThanOrEqual(4);
    await pool.end();
  });
});
