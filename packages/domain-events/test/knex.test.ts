import { createTestDatabase } from "@acme/test-postgres";
import knex from "knex";
import { Pool } from "pg";
import { expect, it } from "vitest";
import { createEventBus, createUnitOfWork, type TransactionAdapter } from "../src/index.ts";
import { knexTransactions } from "../src/knex.ts";
import { pgTransactions } from "../src/pg.ts";
import { describeOnOwnServers } from "./conformance/describe-on-own-servers.ts";
import { knexDriver } from "./conformance/drivers.ts";
import { happened } from "../src/conformance/events.ts";
import { createWorld } from "../src/conformance/world.ts";

describeOnOwnServers(knexDriver);

it("lets the work use knex's own nested transactions", async () => {
  await using world = await createWorld(knexDriver);

  await world.unitOfWork.run(async ({ tx, record }) => {
    record(happened(1));
    await tx.transaction((nested) => nested("rows").insert({ id: 1 }));
    await tx
      .transaction(async (nested) => {
        await nested("rows").insert({ id: 2 });
        throw new Error("boom");
      })
      .catch(() => {});
  });

  expect(world.handled).toEqual([1]);
  expect(await world.stored()).toEqual([1]);
});

it("refuses what is not a knex instance for PostgreSQL, and says what to give", () => {
  for (const wrong of [undefined, {}, () => {}, knex({ client: "sqlite3" })]) {
    expect(() => knexTransactions(wrong as never)).toThrow(
      expect.objectContaining({ code: "ADAPTER_INVALID", message: expect.stringContaining('client: "pg"') }),
    );
  }
});

it("says that nothing is stored where a listener of the application has kept COMMIT from being sent", async () => {
  await using world = await createWorld(knexDriver);
  const boom = new Error("from the listener");
  let failing = true;

  const running = world.unitOfWork.run(async ({ tx, record }) => {
    await world.insert(tx, 1);
    record(happened(1));
    tx.on("query", ({ sql }: { sql: string }) => {
      if (failing && sql.startsWith("COMMIT")) throw boom;
    });
  });

  await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED", cause: boom });
  failing = false;
  expect(await world.stored()).toEqual([]);
  expect(world.handled).toEqual([]);
  await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
});

it("ends a transaction for which a listener of the application has kept ROLLBACK from being sent", async () => {
  await using database = await createTestDatabase();
  const instance = knex({ client: "pg", connection: database.url, pool: { min: 0, max: 1 } });
  const unitOfWork = createUnitOfWork(knexTransactions(instance));
  await unitOfWork.run(() => {});
  instance.on("query", ({ sql }: { sql: string }) => {
    if (sql.startsWith("ROLLBACK")) throw new Error("from the listener");
  });

  const running = unitOfWork.run(async ({ tx }) => {
    await tx.raw("create table half_done (id int)");
    throw new Error("boom");
  });

  await expect(running).rejects.toThrow("boom");
  const admin = database.pool();
  const open = "select from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
  await expect.poll(async () => (await admin.query(open)).rowCount).toBe(0);
  await instance.destroy();
});

it("is the same database as the pg.Pool that knex was given, so that neither waits for the other on a pool of one", async () => {
  await using database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1 });
  const instance = knex({ client: "pg", connectionPool: pool } as never);
  const bus = createEventBus<unknown>();
  const [outer, inner] = [
    createUnitOfWork(pgTransactions(pool) as TransactionAdapter<unknown>, { bus }),
    createUnitOfWork(knexTransactions(instance) as TransactionAdapter<unknown>, { bus }),
  ];

  await expect(outer.run(() => inner.run(() => {}))).rejects.toMatchObject({ code: "JOINED_ADAPTER" });
  await pool.end();
});
