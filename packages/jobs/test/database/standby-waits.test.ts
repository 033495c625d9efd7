import { isInstalled, startServer } from "@acme/test-postgres";
import { Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, type Jobs } from "../../src/index.ts";
import { collectInto, migrateJobs, migrateOutbox } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const id = "0194e3a0-0000-7000-8000-000000000000";

const silent = collectInto([]);

describe.runIf(isInstalled("18"))("a call whose wait for a synchronous standby is cancelled", () => {
  let server: Awaited<ReturnType<typeof startWaiting>>;
  beforeAll(async () => void (server = await startWaiting()));
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    { what: "enqueue()", call: (jobs: Jobs): Promise<unknown> => jobs.enqueue(task, { n: 1 }) },
    { what: "enqueueMany()", call: (jobs: Jobs): Promise<unknown> => jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]) },
    { what: "deadLetters.discard()", call: (jobs: Jobs): Promise<unknown> => jobs.deadLetters.discard(id) },
    { what: "deadLetters.retry()", call: (jobs: Jobs): Promise<unknown> => jobs.deadLetters.retry(id) },
    {
      what: "deadLetters.retry() in a session that hides warnings",
      call: (jobs: Jobs): Promise<unknown> => jobs.deadLetters.retry(id),
      options: "-c client_min_messages=error",
    },
  ])("rejects, since a failover may lose the change: $what", async ({ call, options = "" }) => {
    await using jobs = createJobs({ connection: server.url(options), logger: silent });
    await server.addDeadLetter();

    const outcome: Promise<unknown> = call(jobs).catch((error: unknown) => error);

    await server.cancelWait();
    expect(await outcome).toMatchObject({
      name: "JobsError",
      code: "JOBS_DATABASE_UNREACHABLE",
      message: expect.stringContaining("may be lost or not") as string,
    });
  });

  it("rejects with PostgreSQL's code for an unknown outcome if an outbox lies between", async () => {
    await using jobs = createJobs({ outbox: { connection: server.url() }, logger: silent });

    const outcome: Promise<unknown> = jobs.enqueue(task, { n: 1 }).catch((error: unknown) => error);

    await server.cancelWait();
    expect(await outcome).toMatchObject({ name: "StandbyWaitEndedError", code: "08007" });
  });

  it("leaves no listener behind on the connections of its pool", async () => {
    const pool = new Pool({ connectionString: server.url(unwaiting), max: 1 });
    await using jobs = createJobs({ connection: pool, logger: silent });

    for (let n = 0; n < 3; n += 1) await jobs.enqueue(task, { n });

    const client = await pool.connect();
    expect(client.listenerCount("notice")).toBe(0);
    client.release();
    await pool.end();
  });
});

const unwaiting = "-c synchronous_commit=local";

/** A server whose commits wait for a standby that does not exist. */
async function startWaiting() {
  await using started = new AsyncDisposableStack();
  const settings = { synchronous_standby_names: "nobody" };
  const server = started.use(await startServer({ databases: ["jobs"], settings }));
  const url = (options = "") => {
    const withOptions = new URL(server.url("jobs"));
    if (options) withOptions.searchParams.set("options", options);
    return withOptions.href;
  };
  await migrateJobs(url(unwaiting));
  await migrateOutbox(url(unwaiting));
  const admin = new Client({ connectionString: url(unwaiting) });
  await admin.connect();
  started.defer(() => admin.end());
  const all = started.move();
  return {
    url,
    addDeadLetter: () =>
      admin.query(
        `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at)
         values ($1, 't', '{"n":1}', 0, 'because', 1, '[]', now()) on conflict do nothing`,
        [id],
      ),
    async cancelWait() {
      const cancelSql = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'";
      await expect.poll(async () => (await admin.query(cancelSql)).rowCount, { timeout: 10_000 }).toBe(1);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
