import { createTestDatabase, type TestDatabase } from "@acme/test-postgres";
import knex, { type Knex } from "knex";
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createEventBus,
  createUnitOfWork,
  defineEvent,
  props,
  runOutsideUnits,
  type TransactionAdapter,
  type UnitOfWork,
} from "../../src/index.ts";
import { knexTransactions } from "../../src/knex.ts";
import { pgTransactions } from "../../src/pg.ts";
import { beginTestTransaction, type EventRecorder, eventMatchers, recordEvents } from "../../src/testing.ts";

expect.extend(eventMatchers);

class Stored extends defineEvent("test.stored", props<{ id: number }>()) {}

interface Driver<Tx> {
  readonly name: string;
  connect(url: string): { transactions: TransactionAdapter<Tx>; inUseCount(): number; end(): Promise<void> };
  query(tx: Tx, text: string): Promise<{ rows: { id: number }[] }>;
}

const pgDriver: Driver<PoolClient> = {
  name: "pg",
  connect(connectionString) {
    const pool = new Pool({ connectionString, max: 1 });
    return {
      transactions: pgTransactions(pool),
      inUseCount: () => pool.totalCount - pool.idleCount,
      end: () => pool.end(),
    };
  },
  query: (tx, text) => tx.query(text),
};

const knexDriver: Driver<Knex.Transaction> = {
  name: "knex",
  connect(connection) {
    const instance = knex({ client: "pg", connection, pool: { min: 0, max: 1 } });
    const { pool } = instance.client as { pool: { numUsed(): number } };
    return {
      transactions: knexTransactions(instance),
      inUseCount: () => pool.numUsed(),
      end: () => instance.destroy(),
    };
  },
  query: async (tx, text) => tx.raw(text),
};

let database: TestDatabase;
let admin: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new Pool({ connectionString: database.url });
  await admin.query(`create table rows (id int primary key);
    create table checked_late (id int references rows deferrable initially deferred)`);
});

afterAll(async () => {
  await admin.end();
  await database[Symbol.asyncDispose]();
});

describe.each<Driver<never>>([pgDriver as Driver<never>, knexDriver as Driver<never>])(
  "a test's transaction on $name",
  ({ connect, query }) => {
    interface World extends AsyncDisposable {
      readonly unitOfWork: UnitOfWork<never>;
      readonly events: EventRecorder;
      readonly inUseCount: () => number;
      readonly rollback: () => Promise<void>;
      /** By the test itself. */
      readonly send: (text: string) => Promise<{ rows: { id: number }[] }>;
      readonly ids: () => Promise<number[]>;
    }

    async function begin(): Promise<World> {
      const connected = connect(database.url);
      const testing = await beginTestTransaction(connected.transactions);
      const bus = createEventBus<never>();
      const send = (text: string) => query(testing.tx, text);
      return {
        unitOfWork: createUnitOfWork(testing.transactions, { bus }),
        events: recordEvents(bus),
        inUseCount: () => connected.inUseCount(),
        rollback: () => testing.rollback(),
        send,
        ids: async () => (await send("select id from rows order by id")).rows.map(({ id }) => id),
        async [Symbol.asyncDispose]() {
          await testing[Symbol.asyncDispose]();
          await connected.end();
        },
      };
    }

    /** Stores a row, and records that. */
    const store = (unitOfWork: UnitOfWork<never>, id: number, then: () => unknown = () => {}) =>
      unitOfWork.run(async ({ tx, record }) => {
        await query(tx, `insert into rows values (${id})`);
        record(new Stored({ id }));
        await then();
      });

    it("keeps what units have stored until it is rolled back, and then nothing", async () => {
      {
        await using world = await begin();
        await world.send("insert into rows values (1)");
        await store(world.unitOfWork, 2);

        expect(await world.ids()).toEqual([1, 2]);
        expect(world.events).toHavePublished(Stored, { id: 2 });
        expect((await admin.query("select id from rows")).rows).toEqual([]);

        await world.rollback();
        expect(world.inUseCount()).toBe(0);
      }
      expect((await admin.query("select id from rows")).rows).toEqual([]);
    });

    it("takes back the rows of a unit that rejects, and of no other", async () => {
      await using world = await begin();
      await store(world.unitOfWork, 1);

      await expect(store(world.unitOfWork, 2, () => Promise.reject(new Error("boom")))).rejects.toThrow("boom");
      await store(world.unitOfWork, 3);

      expect(await world.ids()).toEqual([1, 3]);
      expect(world.events).not.toHavePublished(Stored, { id: 2 });
    });

    it.each([{ records: true }, { records: false }])(
      "rejects a unit that has swallowed an error of the server: $records",
      async ({ records }) => {
        await using world = await begin();
        const swallowing = world.unitOfWork.run(async ({ tx, record }) => {
          if (records) record(new Stored({ id: 1 }));
          await query(tx, "insert into rows values (1)");
          await query(tx, "select 1 / 0").catch(() => {});
        });

        await expect(swallowing).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
        expect(await world.ids()).toEqual([]);
        expect(world.events.events).toEqual([]);
      },
    );

    it("checks deferred constraints at the end of each unit, and defers them in the next", async () => {
      await using world = await begin();
      const inWrongOrder = world.unitOfWork.run(async ({ tx }) => {
        await query(tx, "insert into checked_late values (7)");
        await query(tx, "insert into rows values (7)");
      });
      await inWrongOrder;
      const dangling = world.unitOfWork.run(({ tx }) => query(tx, "insert into checked_late values (8)"));

      await expect(dangling).rejects.toMatchObject({ code: "23503" });
      await world.unitOfWork.run(async ({ tx }) => {
        await query(tx, "insert into checked_late values (9)");
        await query(tx, "insert into rows values (9)");
      });
      expect(await world.ids()).toEqual([7, 9]);
    });

    it("runs units that are started together one after the other, and units of handlers after theirs", async () => {
      await using world = await begin();

      await Promise.allSettled([
        store(world.unitOfWork, 1),
        store(world.unitOfWork, 2, () => Promise.reject(new Error("boom"))),
        store(world.unitOfWork, 3, () => store(world.unitOfWork, 4)),
      ]);

      expect(await world.ids()).toEqual([1, 3, 4]);
    });

    it("has savepoints, and keys of runOnce", async () => {
      await using world = await begin();
      await world.unitOfWork.migrate();

      await world.unitOfWork.run(async ({ tx, savepoint }) => {
        await query(tx, "insert into rows values (1)");
        const failing = savepoint(async (inner) => {
          await query(inner.tx, "insert into rows values (2)");
          throw new Error("boom");
        });
        await failing.catch(() => {});
      });

      expect(await world.ids()).toEqual([1]);
      expect(await world.unitOfWork.runOnce("key", () => "ran")).toEqual({ ran: true, result: "ran" });
      expect(await world.unitOfWork.runOnce("key", () => "ran")).toEqual({ ran: false });
    });

    it("lets neither a unit nor the test end it", async () => {
      await using world = await begin();
      await store(world.unitOfWork, 1);

      await expect(world.unitOfWork.run(({ tx }) => query(tx, "commit"))).rejects.toMatchObject({
        code: "TRANSACTION_OWNED",
      });
      await expect(world.send("commit")).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      await world.send("savepoint mine");
      await world.send("rollback to mine");

      expect(await world.ids()).toEqual([1]);
      expect((await admin.query("select id from rows")).rows).toEqual([]);
    });

    it("refuses units after its end, and one that would wait for the unit around it", async () => {
      await using world = await begin();
      const waiting = store(world.unitOfWork, 1, () => runOutsideUnits(() => store(world.unitOfWork, 2)));
      await expect(waiting).rejects.toMatchObject({ code: "TEST_TRANSACTION_BUSY" });
      await store(world.unitOfWork, 3);
      expect(await world.ids()).toEqual([3]);

      await world.rollback();

      await expect(store(world.unitOfWork, 4)).rejects.toMatchObject({ code: "UNIT_ENDED" });
    });
  },
);
