import { randomUUID } from "node:crypto";
import { createTemplate, createTestDatabase } from "@acme/test-postgres";
import type pg from "pg";
import { expect, it } from "vitest";
import { openSoakTables } from "../src/soak-tables.ts";
import { createLedger } from "../src/ledger.ts";
import { reconcile } from "../src/reconcile.ts";

interface SoakTables extends AsyncDisposable {
  readonly app: pg.Pool;
  readonly jobs: pg.Pool;
}

async function openTestTables(): Promise<SoakTables> {
  const template = await createTemplate("tables", (url) => openSoakTables({ app: url, jobs: url }));
  const database = await createTestDatabase({ template });
  const pool = database.pool();
  return { app: pool, jobs: pool, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

interface Shipped {
  readonly orderId: string;
  readonly key: string;
}

/** An order that went all the way. */
async function ship({ app }: SoakTables): Promise<Shipped> {
  const [orderId, key] = [randomUUID(), randomUUID()];
  await app.query("insert into soak.orders values ($1, 'test', 'product')", [orderId]);
  await app.query("insert into soak.enqueued values ($1, $2, now())", [key, orderId]);
  await app.query("insert into soak.runs values ($1, $2, '1', 1, 'succeed', 'test')", [orderId, key]);
  await app.query("insert into soak.effects values ($1, $2, 'test')", [orderId, key]);
  await app.query(
    "insert into soak.products values ('product', 1) on conflict (name) do update set order_count = products.order_count + 1",
  );
  return { orderId, key };
}

async function verdicts(tables: SoakTables, ledger = createLedger()): Promise<string[]> {
  const { findings } = await reconcile(tables, ledger);
  return findings.map(({ verdict, what, ids }) => `${verdict}: ${what}: ${ids.length}`);
}

it("finds nothing where every order has its effect", async () => {
  await using tables = await openTestTables();
  const ledger = createLedger();
  const { orderId } = await ship(tables);
  ledger.note({ kind: "seen", orderId });
  ledger.note({ kind: "confirmed", orderIds: [orderId] });
  ledger.note({ kind: "rejected", orderIds: [randomUUID()] });

  const { findings, ...counts } = await reconcile(tables, ledger);

  expect(findings).toEqual([]);
  expect(counts).toEqual({ committed: 1, enqueued: 1, effects: 1, openWithoutOutageCount: 0 });
});

const wrongs: readonly [verdict: string, sql: string][] = [
  ["lost: committed, no outbox row was written: 1", "delete from soak.enqueued where order_id = $1"],
  ["lost: committed, never shipped: 1", "delete from soak.effects where order_id = $1"],
  [
    "lost: a product not counted since its last order: 1",
    "update soak.products set order_count = order_count - 1 where $1::uuid is not null",
  ],
  [
    "early: a run before its time: 1",
    "update soak.enqueued set not_before = now() + interval '1 hour' where order_id = $1",
  ],
  [
    "early: a job fetched while it was held: 1",
    `with held as (insert into soak_jobs.held values (null, now() - interval '1 s', now() + interval '1 s'), ('other', '-infinity', 'infinity'))
     insert into soak_jobs.fetched (job_id, task) select 1, 'ship_order' where $1::uuid is not null`,
  ],
  ["phantom: an outbox row without its order: 1", "delete from soak.orders where id = $1"],
  ["phantom: shipped without its order: 1", "delete from soak.orders where id = $1"],
  ["phantom: a run without its order: 1", "delete from soak.orders where id = $1"],
  [
    "duplicated: several outbox rows: 1",
    "insert into soak.enqueued select gen_random_uuid(), order_id from soak.enqueued where order_id = $1",
  ],
  ["duplicated: shipped several times: 1", "insert into soak.effects select * from soak.effects where order_id = $1"],
  [
    "duplicated: several jobs for one outbox row: 1",
    "insert into soak.runs select order_id, idempotency_key, '2', 1, intent, run_by from soak.runs where order_id = $1",
  ],
  [
    "duplicated: shipped under another idempotency key than the one it was enqueued with: 1",
    "update soak.effects set idempotency_key = 'another' where order_id = $1",
  ],
];

for (const [verdict, sql] of wrongs) {
  it(`finds what is ${verdict}`, async () => {
    await using tables = await openTestTables();
    await ship(tables);
    const { orderId } = await ship(tables);

    await tables.app.query(sql, [orderId]);

    expect(await verdicts(tables)).toContain(verdict);
  });
}

it("finds what is left in the outbox and among the jobs, locked or not", async () => {
  await using tables = await openTestTables();
  const addJob = "select graphile_worker.add_job('ship_order', queue_name := $1)";
  await tables.app.query(
    "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values ($1, 'ship_order', json_build_object('orderId', $1::uuid), false)",
    [randomUUID()],
  );
  await tables.jobs.query(addJob, ["free"]);
  await tables.jobs.query(addJob, ["held"]);
  await tables.jobs.query(
    `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'gone'
     where job_queue_id = (select id from graphile_worker._private_job_queues where queue_name = 'held')`,
  );
  await tables.jobs.query(
    "update graphile_worker._private_job_queues set locked_at = now(), locked_by = 'gone' where queue_name = 'held'",
  );

  expect(await verdicts(tables)).toEqual(
    expect.arrayContaining([
      "locks: left in the outbox: 1",
      "locks: a job left: 1",
      "locks: a job left locked: 1",
      "stuck: a named queue left locked: 1",
      "stuck: a job of a named queue left: 2",
    ]),
  );
});

it("finds a key whose newer row was replaced by an older one, and labels nobody printed or changed", async () => {
  await using tables = await openTestTables();
  const put = (label: string, version: number) =>
    tables.jobs.query("select graphile_worker.add_job('print_label', $1::json, job_key := $2)", [
      JSON.stringify({ label, version }),
      label,
    ]);
  for (const version of [1, 2, 4]) await put("in order", version);
  for (const version of [1, 3, 2]) await put("not in order", version);
  await tables.jobs.query("delete from graphile_worker._private_jobs");
  await put("not in order", 1);
  await tables.jobs.query("delete from graphile_worker._private_jobs");
  await tables.app.query(
    "select soak.change_label(name) from unnest(array['unprinted', 'printed', 'unprinted']) as name",
  );
  await tables.app.query("insert into soak.prints values ('printed', 1), ('printed', 2)");

  expect(await verdicts(tables)).toEqual([
    "lost: the last version of a label never printed: 1",
    "phantom: a version of a label printed that was not committed: 1",
    "inverted: an older row of a key put in the place of a newer one: 2",
  ]);
});

it("finds an advisory lock and a transaction that somebody still has", async () => {
  await using tables = await openTestTables();
  const left = await tables.app.connect();
  await left.query("begin; select pg_advisory_lock(7), pg_current_xact_id()");

  const found = await verdicts(tables);
  left.release(true);

  expect(found).toEqual(["locks: an advisory lock held: 1", "locks: an open transaction: 1"]);
});

it("leaves open what became of units whose outcome nobody knew", async () => {
  await using tables = await openTestTables();
  const ledger = createLedger();
  const [stored, other] = [await ship(tables), await ship(tables)];
  ledger.note({ kind: "unknown", orderIds: [stored.orderId, randomUUID()] });
  ledger.note({ kind: "unresolved", orderIds: [other.orderId], fromMs: 1_000, toMs: 2_000 });

  const { findings, openWithoutOutageCount } = await reconcile(tables, ledger);

  expect([findings, openWithoutOutageCount]).toEqual([[], 1]);
});

it("counts units that had something to ask for, met no outage of the server, and stayed open", async () => {
  await using tables = await openTestTables();
  const ledger = createLedger();
  const [before, during] = [await ship(tables), await ship(tables)];
  ledger.note({ kind: "unresolved", orderIds: [before.orderId], fromMs: 1_000, toMs: 2_000 });
  ledger.note({ kind: "unresolved", orderIds: [during.orderId], fromMs: 1_000, toMs: 3_000 });

  const outages = [{ from: new Date(2_500), to: new Date(9_000) }];
  const { findings, openWithoutOutageCount } = await reconcile(tables, ledger, outages);

  expect([findings, openWithoutOutageCount]).toEqual([[], 1]);
});

it("believes no writer: what it said is held against the rows", async () => {
  await using tables = await openTestTables();
  const ledger = createLedger();
  const [stored, other] = [await ship(tables), await ship(tables)];
  const missing = randomUUID();
  ledger.note({ kind: "seen", orderId: missing });
  ledger.note({ kind: "confirmed", orderIds: [missing, other.orderId] });
  ledger.note({ kind: "rejected", orderIds: [stored.orderId] });
  ledger.note({ kind: "seen", orderId: stored.orderId });
  ledger.note({ kind: "seen", orderId: stored.orderId });

  expect(await verdicts(tables, ledger)).toEqual([
    "phantom: seen by a handler after a commit that never was: 1",
    "duplicated: seen by the handler after the commit more than once: 1",
    "untrue: said to be committed, and not stored: 1",
    "untrue: said to be rolled back, and stored: 1",
    "lost: confirmed, and not seen by the handler after the commit: 1",
  ]);
});
