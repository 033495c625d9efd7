import { createTemplate, createTestDatabase, runChild, type Child } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { endUnreadClaims } from "../../src/outbox/claim-rows.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { endHeldTransactions, heldName, heldSessions, type HeldStep, urlsOf } from "../support/held-step.ts";
import { awaitReplyToJobsCommit, lockBeforeClaim, relaySteps, waitInJobsCommit } from "../support/relay-steps.ts";
import { createTestJobs, migrateOutbox, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, type Relay } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const payloads = [{ n: 1 }, { n: 2 }, { n: 3 }];

describe("a relay that is killed", () => {
  it.each(relaySteps)("$title leaves each row to become one job", async ({ hold }) => {
    await using test = await createTestJobs({ outbox: true });
    const ids = await test.jobs.enqueueMany(task, payloads);
    await using step = await hold(test);
    await using killed = startChild(step);
    await step.reached();

    await killed.kill("SIGKILL");
    await step.letGo();
    await expect.poll(() => heldSessions(test)).toBe(0);
    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await idsOfJobs(test)).toEqual(ids.toSorted());
  });

  it("while the jobs are being committed lets the next relay wait for the outcome", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ids = await test.jobs.enqueueMany(task, payloads);
    await using step = await waitInJobsCommit(test);
    await using killed = startChild(step);
    await step.reached();

    await killed.kill("SIGKILL");
    relayOf(test.jobs, { pollIntervalMs: 20 });
    await expect.poll(() => waitingForHeldSession(test)).toBe(1);
    await step.letGo();

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await idsOfJobs(test)).toEqual(ids.toSorted());
  });

  it("between its two commits repeats nothing, though a neighbour's relay has forgotten what is older than a day", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using data = await createTestDatabase({ template: await createTemplate("outbox", migrateOutbox) });
    await using neighbours = createJobs({ connection: test.jobsUrl, outbox: { connection: data.url } });
    const ids = await test.jobs.enqueueMany(task, payloads);
    await using step = await awaitReplyToJobsCommit(test);
    await using killed = startChild(step);
    await step.reached();
    await killed.kill("SIGKILL");
    const old = await neighbours.enqueue(task, { n: 4 });
    const before = relayOf(neighbours);
    await expect.poll(() => outboxCount(data.pool())).toBe(0);
    await before.stop();
    await test.jobsPool.query("update acme_jobs.taken set taken_at = now() - interval '2 days'");

    const young = await neighbours.enqueue(task, { n: 5 });
    relayOf(neighbours);
    await expect.poll(() => isRemembered(test, old)).toBe(false);
    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await idsOfJobs(test)).toEqual([...ids, old, young].toSorted());
  });

  it("and started again and again beside another one repeats and loses nothing that writers commit meanwhile", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using elsewhere = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
    const runs: string[] = [];
    const run = perform(task, (_, { idempotencyKey }) => void runs.push(idempotencyKey));
    await elsewhere.startWorker({ tasks: [run], relay: false });
    relayOf(test.jobs, { batchSize: 10, pollIntervalMs: 20 });
    await slowDown(test.jobsPool, "insert on acme_jobs.taken");
    await slowDown(test.dataPool, "delete on acme_jobs.outbox");
    const writers = startWriters(test, () => runs.length);

    for (let kills = 0; kills < 8; kills++) {
      await using killed = startChild(urlsOf(test), 10);
      const statement = kills % 2 === 0 ? "%into acme_jobs.taken%" : "delete from acme_jobs.outbox%";
      const seen = () => heldSessions(test, "state = 'active' and query ilike $2", [statement]);
      await expect.poll(seen, { interval: 1 }).toBe(1);
      await killed.kill("SIGKILL");
      await expect.poll(() => heldSessions(test)).toBe(0);
    }

    const written = await writers.stop();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs.toSorted()).toEqual(written.toSorted());
  });
});

describe("a relay that is paused for longer than everything else", () => {
  it.each(relaySteps)("$title repeats and loses nothing when it goes on", async ({ hold, blocking }) => {
    await using test = await createTestJobs({ outbox: true });
    const ids = await test.jobs.enqueueMany(task, payloads);
    await using step = await hold(test);
    await using paused = startChild(step);
    await step.reached();

    await pause(test, paused, step);
    await endHeldTransactions(test, blocking);
    await moveAllByAnother(test);
    process.kill(paused.pid, "SIGCONT");

    ids.push(await lastRowOf(test));
    expect(await idsOfJobs(test)).toEqual(ids.toSorted());
  });

  it("before it claims rows repeats none, although their ids are forgotten by then", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ids = await test.jobs.enqueueMany(task, payloads);
    await using step = await lockBeforeClaim(test);
    await using paused = startChild(step);
    await step.reached();

    await pause(test, paused, step);
    await endHeldTransactions(test, ["jobsUrl", "dataUrl"]);
    await moveAllByAnother(test);
    // As relays do a day later.
    await test.jobsPool.query("delete from acme_jobs.taken");
    process.kill(paused.pid, "SIGCONT");

    ids.push(await lastRowOf(test));
    expect(await idsOfJobs(test)).toEqual(ids.toSorted());
  });

  it("has told both servers to end its transactions after a minute", async () => {
    await using test = await createTestJobs({ outbox: true });
    const settings = [
      await recordSettings(test.jobsPool, "insert on acme_jobs.taken"),
      await recordSettings(test.dataPool, "delete on acme_jobs.outbox"),
    ];
    await test.jobs.enqueue(task, { n: 1 });

    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const minute = { idle: "1min", statement: "1min" };
    expect(await Promise.all(settings.map((read) => read()))).toEqual([[minute], [minute]]);
  });
});

describe("a relay that was paused while it was sent its rows", () => {
  it("does not keep them from others: another relay ends its session, because no timeout of the server does", async () => {
    await using test = await createTestJobs({ outbox: true });
    // More than the buffers of the sockets take.
    await test.dataPool.query(`insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
      select gen_random_uuid(), 't', to_json(repeat('x', 500000)), false from generate_series(1, 32)`);
    await using held = await lockBeforeClaim(test);
    await using child = startChild(held);
    await held.reached();
    process.kill(child.pid, "SIGSTOP");
    await held.letGo();
    const unread =
      "select 1 from pg_stat_activity where wait_event = 'ClientWrite' and query like 'select /* acme_jobs claim */%'";
    await expect.poll(async () => (await test.dataPool.query(unread)).rowCount).toBe(1);

    await endUnreadClaims(test.dataPool, 0);

    relayOf(test.jobs);
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    process.kill(child.pid, "SIGCONT");
    expect(await idsOfJobs(test)).toHaveLength(32);
  });

  it("is looked for by every relay", async () => {
    await using test = await createTestJobs({ outbox: true });
    const pool = new Pool({ connectionString: test.dataUrl });
    const statements = recordStatements(pool);
    const jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool } });

    const relay = jobs.startRelay();

    const ends = () =>
      statements.filter(({ text }) => text.includes("pg_terminate_backend")).map(({ values }) => values);
    await expect.poll(ends).toEqual([["select /* acme_jobs claim */", 60_000]]);
    await relay.stop();
    await jobs.close();
    await pool.end();
  });
});

describe("two relays", () => {
  it("move a row that commits late, although one of them is in the middle of a batch of later rows", async () => {
    await using test = await createTestJobs({ outbox: true });
    const late = await test.dataPool.connect();
    await late.query("begin");
    const first = await test.jobs.enqueue(task, { n: 1 }, { tx: late });
    const second = await test.jobs.enqueue(task, { n: 2 });
    await using step = await awaitReplyToJobsCommit(test);
    await using slow = createJobs({ connection: step.jobsUrl, outbox: { connection: step.dataUrl } });
    relayOf(slow);
    await step.reached();
    relayOf(test.jobs, { pollIntervalMs: 20 });

    await late.query("commit");

    late.release();
    await expect.poll(() => idsOfJobs(test)).toEqual([first, second].toSorted());
    await step.letGo();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await idsOfJobs(test)).toEqual([first, second].toSorted());
  });
});

function relayOf(jobs: TestJobs["jobs"], options?: Parameters<TestJobs["jobs"]["startRelay"]>[0]): Relay {
  const relay = jobs.startRelay(options);
  onTestFinished(() => relay.stop());
  return relay;
}

function startChild({ jobsUrl, dataUrl }: Pick<HeldStep, "jobsUrl" | "dataUrl">, batchSize = 1_000): Child {
  const file = new URL("../children/relay.child.ts", import.meta.url);
  return runChild(file, { env: { JOBS_URL: jobsUrl, DATA_URL: dataUrl, BATCH_SIZE: String(batchSize) } });
}

/** Then PostgreSQL runs the statement, and answers a relay that does not read. */
async function pause(test: TestJobs, child: Child, step: HeldStep): Promise<void> {
  process.kill(child.pid, "SIGSTOP");
  await step.letGo();
  await expect.poll(() => heldSessions(test, "state = 'active'")).toBe(0);
}

async function moveAllByAnother(test: TestJobs): Promise<void> {
  const another = relayOf(test.jobs);
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
  await another.stop();
}

/** Writes one more row, which the only relay looks for when it is through with the batch at hand. */
async function lastRowOf(test: TestJobs): Promise<string> {
  const id = await test.jobs.enqueue(task, { n: 99 });
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
  return id;
}

/** The id of the outbox row that each job was made of. */
async function idsOfJobs(test: TestJobs): Promise<string[]> {
  const { rows } = await test.jobsPool.query<{ id: string }>(
    "select substr(jsonb_object_keys(flags::jsonb), 9) as id from graphile_worker.jobs",
  );
  return rows.map(({ id }) => id).toSorted();
}

async function isRemembered(test: TestJobs, id: string): Promise<boolean> {
  const { rowCount } = await test.jobsPool.query("select from acme_jobs.taken where id = $1", [id]);
  return rowCount === 1;
}

/** Lets the statement take long enough for a kill to find it. */
async function slowDown(pool: Pool, statement: string): Promise<void> {
  await pool.query(`
    create function slow_down() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(0.02);
      return null;
    end $$;
    create trigger slow_down after ${statement} for each statement execute function slow_down()`);
}

/** Notes the timeouts of the sessions that run the statement. */
async function recordSettings(pool: Pool, statement: string): Promise<() => Promise<unknown[]>> {
  await pool.query(`
    create table settings (idle text, statement text);
    create function record_settings() returns trigger language plpgsql as $$
    begin
      insert into settings
      values (current_setting('idle_in_transaction_session_timeout'), current_setting('statement_timeout'));
      return null;
    end $$;
    create trigger record_settings after ${statement} for each statement execute function record_settings()`);
  return async () => (await pool.query("select * from settings")).rows;
}

/** How many sessions wait for one of the killed relay's. */
async function waitingForHeldSession(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query(
    `select from pg_stat_activity as waiting join pg_stat_activity as held on held.pid = any(pg_blocking_pids(waiting.pid))
     where held.application_name = '${heldName}' and waiting.datname = current_database()`,
  );
  return rowCount ?? 0;
}

/** Commits rows, and rolls rows back, not far ahead of their runs; `stop` returns the ids of the committed ones. */
function startWriters(test: TestJobs, runCount: () => number): { stop(): Promise<string[]> } {
  const written: string[] = [];
  const stopping = new AbortController();
  const write = async () => {
    for (let n = 0; !stopping.signal.aborted; n++) {
      await expect.poll(() => written.length - runCount(), { interval: 5 }).toBeLessThan(200);
      const client = await test.dataPool.connect();
      await client.query("begin");
      const ids = await test.jobs.enqueueMany(task, payloads, { tx: client });
      const commits = n % 5 !== 0;
      await client.query(commits ? "commit" : "rollback");
      client.release();
      if (commits) written.push(...ids);
    }
  };
  const finished = Promise.all([write(), write(), write()]);
  return {
    async stop() {
      stopping.abort();
      await finished;
      return written;
    },
  };
}
