import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createTestDatabase, type TestDatabase } from "@acme/test-postgres";
import { Client } from "pg";
import { expect, it } from "vitest";
import { createCommitBreaker } from "../src/break-commits.ts";
import type { BrokenCommit } from "../src/faults.ts";
import { type Network, startNetwork } from "../src/network.ts";

interface Stage extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly network: Network;
  readonly breaker: ReturnType<typeof createCommitBreaker>;
}

async function openStage(): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createTestDatabase());
  await database.pool().query("create table note (id uuid)");
  const network = opened.use(await startNetwork({ app: database.url, jobs: database.url }));
  const breaker = createCommitBreaker({ network, pause, log: () => undefined });
  const all = opened.move();
  return { database, network, breaker, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const fault = (how: BrokenCommit["how"]): BrokenCommit => ({ target: "writer-1", database: "app", how, forMs: 200 });
const waysToBreak = ["drop-reply", "cut-before", "hold-reply"] as const;

/** Whether the writer heard of its COMMIT, and whether the row is there. */
async function write({ network, database }: Stage): Promise<{ isConfirmed: boolean; isStored: boolean }> {
  const id = randomUUID();
  const client = new Client({ connectionString: network.proxy("writer-1", "app").url });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin");
  await client.query("insert into note values ($1)", [id]);
  const isConfirmed = await client.query("commit").then(
    () => true,
    () => false,
  );
  await client.end();
  const { rowCount } = await database.pool().query("select from note where id = $1", [id]);
  return { isConfirmed, isStored: rowCount === 1 };
}

const outcomes = {
  "drop-reply": { isConfirmed: false, isStored: true },
  "cut-before": { isConfirmed: false, isStored: false },
  "hold-reply": { isConfirmed: true, isStored: true },
};

for (const how of waysToBreak) {
  it(`does a ${how} to one COMMIT, and lets the next one pass`, async () => {
    await using stage = await openStage();

    stage.breaker.breakNext(fault(how));
    const first = await write(stage);
    await stage.breaker.settled();

    expect(first).toEqual(outcomes[how]);
    expect(await write(stage)).toEqual({ isConfirmed: true, isStored: true });
    expect(stage.breaker.injected).toEqual({ met: [fault(how)], unmetCount: 0 });
  });

  it(`takes a ${how} back that has met no COMMIT`, async () => {
    await using stage = await openStage();

    stage.breaker.breakNext(fault(how));
    await stage.breaker.settled();

    expect(await write(stage)).toEqual({ isConfirmed: true, isStored: true });
    expect(stage.breaker.injected).toEqual({ met: [], unmetCount: 1 });
  });
}

it("piles nothing up on a connection that does not commit", async () => {
  await using stage = await openStage();

  for (let count = 0; count < 5; count++) stage.breaker.breakNext(fault("drop-reply"));

  expect(await write(stage)).toEqual(outcomes["drop-reply"]);
  expect(await write(stage)).toEqual({ isConfirmed: true, isStored: true });
});

it("takes a fault back once the network that refused everybody accepts again", async () => {
  await using stage = await openStage();
  const refusal = stage.network.refuse("all");

  stage.breaker.breakNext(fault("cut-before"));
  await expect.poll(() => stage.breaker.injected.unmetCount).toBe(1);
  await refusal.end();
  await stage.breaker.settled();

  expect(await write(stage)).toEqual({ isConfirmed: true, isStored: true });
});

it("does not wait for a COMMIT whose client was killed before it was answered", async () => {
  await using stage = await openStage();
  const pool = stage.database.pool();
  await pool.query(`
    create function wait_for_seven() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(7); return null; end $$;
    create constraint trigger wait_for_seven after insert on note deferrable initially deferred
      for each row execute function wait_for_seven()`);
  const holder = await pool.connect();
  await holder.query("select pg_advisory_lock(7)");
  const client = new Client({ connectionString: stage.network.proxy("writer-1", "app").url });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin");
  await client.query("insert into note values (gen_random_uuid())");

  stage.breaker.breakNext(fault("drop-reply"));
  client.query("commit").catch(() => undefined);
  await expect.poll(async () => (await pool.query("select from pg_locks where not granted")).rowCount).toBe(1);
  await client.end();
  await stage.breaker.settled();
  holder.release(true);

  expect(stage.breaker.injected).toEqual({ met: [], unmetCount: 1 });
});
