// oxlint-disable import/no-named-as-default-member -- the oldest pg has no named exports for ES modules.
// Events follow the outcome of a COMMIT, however it ends: run in a project that has the packages and one version of the drivers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createEventBus, createUnitOfWork, defineEvent, props, type TransactionAdapter } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import createKnex from "knex";
import pg from "pg";

const url = String(process.env["DATA_URL"]);
const proxied = String(process.env["PROXY_URL"]);

class Placed extends defineEvent("placed", props<{ id: number }>()) {}

const pool = new pg.Pool({ connectionString: url, max: 4 });
const knex = createKnex({ client: "pg", connection: url, pool: { min: 0, max: 4 } });
const throughProxy = new pg.Pool({ connectionString: proxied, max: 2 });
throughProxy.on("error", () => {});
const knexThroughProxy = createKnex({ client: "pg", connection: proxied, pool: { min: 0, max: 2 } });
await pool.query(
  "create table placed (id int primary key, parent int references placed deferrable initially deferred)",
);

let nextId = 1;
await keepsCommitTruth(pgTransactions(pool), pgTransactions(throughProxy));
await keepsCommitTruth(knexTransactions(knex), knexTransactions(knexThroughProxy));

await Promise.all([pool.end(), throughProxy.end(), knex.destroy(), knexThroughProxy.destroy()]);
process.disconnect?.();

async function keepsCommitTruth<Tx>(direct: TransactionAdapter<Tx>, proxy: TransactionAdapter<Tx>): Promise<void> {
  const bus = createEventBus<Tx>();
  const seen: number[] = [];
  bus.register(Placed, ({ id }) => void seen.push(id));
  const unitOfWork = createUnitOfWork(direct, { bus });
  const insert = "insert into placed values ($1, $2)";
  const place = (
    id: number,
    rest?: (query: (text: string, values?: unknown[]) => Promise<unknown>) => Promise<unknown>,
  ) =>
    unitOfWork.run(async ({ query, record }) => {
      await query(insert, [id, null]);
      record(new Placed({ id }));
      await rest?.(query);
    });

  const [kept, swallowed, late, nested, lost] = [nextId++, nextId++, nextId++, nextId++, nextId++];
  await place(kept);
  await assert.rejects(
    place(swallowed, (query) => query("select 1 / 0").catch(() => {})),
    { code: "TRANSACTION_ABORTED" },
  );
  await assert.rejects(
    place(late, (query) => query("update placed set parent = -1 where id = $1", [late])),
    { code: "23503" },
  );
  await unitOfWork.run(async ({ savepoint, record }) => {
    const inner = savepoint(async (scope) => {
      scope.record(new Placed({ id: -nested }));
      throw new Error("taken back");
    });
    await inner.catch(() => {});
    record(new Placed({ id: nested }));
  });

  process.send?.("drop");
  await once(process, "message");
  const unitOverProxy = createUnitOfWork(proxy, { bus });
  await unitOverProxy.run(async ({ query, record }) => {
    await query(insert, [lost, null]);
    record(new Placed({ id: lost }));
  });

  assert.deepEqual(seen, [kept, nested, lost]);
  const { rows } = await pool.query<{ id: number }>("select id from placed where id between $1 and $2 order by id", [
    kept,
    lost,
  ]);
  assert.deepEqual(rows, [{ id: kept }, { id: lost }]);
  await unitOfWork.migrate();
  const key = `key-${kept}`;
  const runs = [];
  for (let times = 0; times < 2; times += 1) runs.push(await unitOfWork.runOnce(key, () => "ran"));
  assert.deepEqual(
    runs.map(({ ran }) => ran),
    [true, false],
  );
}
