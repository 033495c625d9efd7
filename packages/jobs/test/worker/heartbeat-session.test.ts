import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import { expect, it } from "vitest";
import { HeartbeatSession } from "../../src/worker/heartbeat-session.ts";
import { lockKeySql } from "../../src/worker/worker-registry.ts";
import { createTestJobs } from "../support/test-jobs.ts";

it("a session that may only read keeps its lock until heartbeats were written over the one that replaces it", async () => {
  await using test = await createTestJobs();
  const session = new HeartbeatSession(test.jobsPool, { longestAnswerMs: 5_000 });
  const isLockFree = async () => {
    const { rows } = await test.jobsPool.query(`select pg_try_advisory_xact_lock(${lockKeySql("'a'")}) as free`);
    return (rows[0] as { readonly free: boolean }).free;
  };
  const lockDuringShow: boolean[] = [];
  const show = async () => void lockDuringShow.push(await isLockFree());

  const first = await session.connect(show);
  await session.hold(first, "a");
  expect([lockDuringShow, await isLockFree()]).toEqual([[], false]);

  session.loseAfter(Object.assign(new Error("cannot execute UPDATE in a read-only transaction"), { code: "25006" }));
  expect(await session.connect(show)).not.toBe(first);

  expect(lockDuringShow).toEqual([false]);
  await expect.poll(isLockFree).toBe(true);
  session.lose();
});

it("a session that the server has refused is opened again at the next heartbeat, and does not keep that waiting", async () => {
  await using database = await createTestDatabase();
  const refused = new Pool({ connectionString: database.url.replace(database.name, "no_such_database") });
  const session = new HeartbeatSession(refused, { longestAnswerMs: 5_000 });
  const show = async () => undefined;
  const first = await session.connect(show).catch((error: unknown) => error);
  session.loseAfter(first);
  refused.options.connectionString = database.url;

  const second = session.connect(show);

  expect(first).toMatchObject({ code: "3D000" });
  expect((await (await second).query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  session.lose();
  await refused.end();
});
