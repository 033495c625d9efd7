import { Pool } from "pg";
import { expect, it } from "vitest";
import { isTransient } from "../../src/database/database-errors.ts";
import { connectIdle } from "../../src/database/connect-idle.ts";
import { createTestJobs } from "../support/test-jobs.ts";

it("a connection is waited for no longer than it may take, and is given back when it comes too late", async () => {
  await using test = await createTestJobs();
  const password = Promise.withResolvers<string>();
  const url = new URL(test.jobsUrl);
  // As where a token is fetched from somebody who does not answer.
  const pool = new Pool({
    host: url.hostname,
    port: Number(url.port),
    user: url.username,
    database: url.pathname.slice(1),
    password: () => password.promise,
    max: 1,
  });

  const error = await connectIdle(pool, 100).catch((thrown: unknown) => thrown);
  password.resolve(url.password);

  expect(isTransient(error)).toBe(true);
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
