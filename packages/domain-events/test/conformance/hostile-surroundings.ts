import { startProxy } from "@acme/test-postgres";
import { startServer } from "@acme/test-postgres/server";
import { Client, Pool, types } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEventBus, createUnitOfWork } from "../../src/index.ts";
import { keepLog } from "../support/silent-logger.ts";
import { createWorld, durably, Happened, happened, type TestedDriver } from "./world.ts";

const booleans = types.builtins.BOOL;

/** What applications, triggers and other users of the pool do, of which the unit of work knows nothing. */
export function describeHostileSurroundings<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a connection in which other code has left a transaction open`, () => {
    const withStranger = async () => {
      let first: { query: (text: string) => Promise<unknown> } | undefined;
      const world = await createWorld(driver, { onClient: (client) => (first ??= client) });
      await world.unitOfWork.migrate();
      await first?.query("begin");
      await first?.query("insert into rows values (666)");
      return { world, endStranger: (text: string) => first?.query(text) };
    };

    it.each(["commit", "rollback"])("is refused, and that code can still end its transaction: %s", async (end) => {
      const { world, endStranger } = await withStranger();
      await using _ = world;
      const { unitOfWork } = world;
      const refused = { code: "TRANSACTION_LEFT_OPEN" };

      await expect(unitOfWork.run(({ tx }) => world.insert(tx, 1))).rejects.toMatchObject(refused);
      await expect(unitOfWork.migrate()).rejects.toMatchObject(refused);
      await expect(unitOfWork.purgeIdempotencyKeys({ olderThanMs: 0 })).rejects.toMatchObject(refused);
      await endStranger(end);
      await unitOfWork.run(({ tx }) => world.insert(tx, 2));

      expect(await world.stored()).toEqual(end === "commit" ? [2, 666] : [2]);
    });

    it("is refused even if that code has not awaited its statement", async () => {
      let first: { query: (text: string) => Promise<unknown> } | undefined;
      await using world = await createWorld(driver, { onClient: (client) => (first ??= client) });
      await world.unitOfWork.migrate();
      const refused = { code: "TRANSACTION_LEFT_OPEN" };
      const sendWithoutWaiting = () => {
        void first?.query("begin");
        void first?.query("insert into rows values (666)");
      };

      sendWithoutWaiting();
      await expect(world.unitOfWork.run(({ tx }) => world.insert(tx, 1))).rejects.toMatchObject(refused);
      await first?.query("rollback");
      sendWithoutWaiting();
      await expect(world.unitOfWork.migrate()).rejects.toMatchObject(refused);
      await first?.query("commit");

      expect(await world.stored()).toEqual([666]);
    });
  });

  describe(`${driver.name}: a driver that leaves booleans as text`, () => {
    const asText = () => {
      const usual = types.getTypeParser(booleans) as (text: string) => unknown;
      types.setTypeParser(booleans, (text) => text as never);
      onTestFinished(() => types.setTypeParser(booleans, usual as never));
    };

    it("runs what has not run, and skips what has", async () => {
      await using world = await createWorld(driver);
      asText();
      await world.unitOfWork.migrate();
      const once = () => world.unitOfWork.runOnce("key", ({ tx }) => world.insert(tx, 1));

      expect([(await once()).ran, (await once()).ran]).toEqual([true, false]);
      expect(await world.stored()).toEqual([1]);
    });

    it("makes no commit of one that never took place, where there are foreign servers", async () => {
      await using world = await createWorld(driver, { outcomeTimeoutMs: 2_000 });
      await world.admin.query(
        "create foreign data wrapper nothing; create server elsewhere foreign data wrapper nothing",
      );
      onTestFinished(async () => {
        const pool = new Pool({ connectionString: world.url });
        await pool.query("drop foreign data wrapper nothing cascade");
        await pool.end();
      });
      asText();
      await world.unitOfWork.run(() => {});

      const cut = world.proxy.cutBeforeCommit();
      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "select 1");
        record(happened(1));
      });

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      await cut;
      expect(world.handled).toEqual([]);
    });
  });

  describe(`${driver.name}: an answer to COMMIT that a trigger has a part in`, () => {
    it.each(["no_active_sql_transaction", "active_sql_transaction"])(
      "counts as a commit even if the trigger warns of %s",
      async (state) => {
        await using world = await createWorld(driver);
        await using trigger = await raisingAtCommit(world.admin, `warning 'odd' using errcode = '${state}'`);
        let runs = 0;

        await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
          runs += 1;
          await savepoint(() =>
            driver.query(tx, "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$"),
          ).catch(() => {});
          await driver.query(tx, trigger.insert);
          await world.insert(tx, 1);
          record(happened(1));
        });

        expect([runs, world.handled, await world.stored()]).toEqual([1, [1], [1]]);
      },
    );

    it.each([
      ["08006", 0],
      ["08006", 1],
      ["40003", 0],
      ["57P01", 0],
      ["25P04", 0],
    ])(
      "makes the unit reject with the trigger's error, even if that is a connection error: %s, events: %i",
      async (state, eventCount) => {
        await using world = await createWorld(driver);
        await using trigger = await raisingAtCommit(world.admin, `exception 'far away' using errcode = '${state}'`);

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await driver.query(tx, trigger.insert);
          if (eventCount > 0) record(happened(1));
        });

        await expect(running).rejects.toMatchObject({ code: state });
        expect(world.handled).toEqual([]);
      },
    );
  });

  describe(`${driver.name}: a durable handler whose write cannot read a number`, () => {
    it("fails the unit with its own error", async () => {
      await using world = await createWorld(driver);
      const store = {
        ...world.store,
        async write(_requests: readonly unknown[], transaction?: { query: (text: string) => Promise<unknown> }) {
          await transaction?.query("insert into durable_rows select ''::text::int");
          return undefined;
        },
      };
      world.bus.register(happened(1).constructor as never, durably(store as never));

      await expect(world.unitOfWork.run(({ record }) => record(happened(1)))).rejects.toMatchObject({ code: "22P02" });
    });
  });

  describe(`${driver.name}: a table of keys that keeps rows out`, () => {
    it("fails the unit, since the key was not stored", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      await world.admin
        .query(`create function domain_events.keep_out() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger keep_out before insert on domain_events.idempotency_keys for each row execute function domain_events.keep_out()`);

      await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEYS_MISSING",
      });
    });
  });

  describe(`${driver.name}: a time limit that ends the last look at the transaction`, () => {
    it("is the error with which the unit rejects", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.run(() => {});
      const holder = await world.admin.connect();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        await driver.query(tx, "set local statement_timeout = 300");
        record(happened(1));
        await holder.query("begin; lock table pg_catalog.pg_database in access exclusive mode");
        await driver.query(tx, "select 1");
      });

      await expect(running).rejects.toMatchObject({ code: "57014" });
      await holder.query("rollback");
      holder.release();
    });
  });

  describe(`${driver.name}: a lost COMMIT of a work that has set how values are written`, () => {
    it.each([
      "bytea_output = 'escape'",
      "timezone = 'Asia/Kathmandu'",
      "datestyle = 'German'",
      "intervalstyle = 'iso_8601'",
      "extra_float_digits = -15",
    ])("is resolved (%s)", async (setting) => {
      await using world = await createWorld(driver);
      await world.unitOfWork.run(() => {});

      const dropped = world.proxy.dropCommitReply();
      await world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, `set local ${setting}`);
        await world.insert(tx, 1);
        record(happened(1));
      });

      await dropped;
      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a database that is renamed into the place of another while an answer is lost`, () => {
    it("is not believed, since it shares the ids but not the rows", async () => {
      await using server = await startServer({ databases: ["app"] });
      await using proxy = await startProxy(server.url("app"));
      await send(server.url("app"), "create table rows (id int)");
      await send(server.url(), "create database restored template app");
      const bus = createEventBus<Tx>({ logger: keepLog() });
      const handled: number[] = [];
      bus.register(Happened, ({ n }) => handled.push(n));
      const connected = driver.connect(proxy.url, { max: 1 });
      const unitOfWork = createUnitOfWork(connected.adapter, { bus, outcomeTimeoutMs: 8_000 });
      await unitOfWork.run(() => {});

      const { held } = proxy.holdCommitReply();
      const running = unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "insert into rows values (1)");
        record(happened(1));
      });
      running.catch(() => {});
      await held;
      proxy.refuseConnections();
      await send(
        server.url(),
        "select pg_terminate_backend(pid, 3000) from pg_stat_activity where datname = 'app'",
        "alter database app rename to app_of_before",
        "alter database restored rename to app",
      );
      proxy.cutAll();
      await proxy.acceptConnections();

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(handled).toEqual([]);
      await connected.end();
    });
  });

  describe(`${driver.name}: a BEGIN that fails`, () => {
    it("rejects with its error, runs no work, and leaves its connection clean", async () => {
      let isBad = false;
      await using world = await createWorld(driver, {
        onClient(client) {
          const query = client.query.bind(client) as (...args: unknown[]) => unknown;
          client.query = ((statement: unknown, ...rest: unknown[]) => {
            const text = (statement as { text?: string }).text ?? statement;
            if (!isBad || !String(text).startsWith("begin")) return query(statement, ...rest);
            isBad = false;
            const bad = "begin; select 1/0";
            return query(typeof statement === "string" ? bad : { ...(statement as object), text: bad }, ...rest);
          }) as never;
        },
      });
      await world.unitOfWork.run(() => {});
      isBad = true;
      let runs = 0;

      const failing = world.unitOfWork.run(() => void (runs += 1));
      const waiting = world.unitOfWork.run(({ tx }) => world.insert(tx, 1));

      await expect(failing).rejects.toMatchObject({ code: "22012" });
      await waiting;
      expect([runs, await world.stored()]).toEqual([0, [1]]);
    });
  });
}

async function send(url: string, ...texts: readonly string[]): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    for (const text of texts) await client.query(text);
  } finally {
    await client.end();
  }
}

/** A table whose rows raise something at COMMIT. */
async function raisingAtCommit(admin: Pool, what: string): Promise<AsyncDisposable & { readonly insert: string }> {
  await admin.query(`
    create table raising (id int);
    create function raise_late() returns trigger language plpgsql as $$ begin raise ${what}; return null; end $$;
    create constraint trigger late after insert on raising deferrable initially deferred
      for each row execute function raise_late()`);
  return {
    insert: "insert into raising values (1)",
    async [Symbol.asyncDispose]() {
      await admin.query("drop table raising; drop function raise_late");
    },
  };
}
