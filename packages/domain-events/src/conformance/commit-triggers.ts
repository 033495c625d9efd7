import { describe, expect, it } from "vitest";
import { durably, happened } from "./events.ts";
import { Pool } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What triggers, tables and settings of an application do to the end of a unit. */
export function describeCommitTriggers<Tx>(tested: TestedAdapter<Tx>): void {
  describe("an answer to COMMIT that a trigger has a part in", () => {
    it.each(["no_active_sql_transaction", "active_sql_transaction"])(
      "counts as a commit even if the trigger warns of %s",
      async (state) => {
        await using world = await createWorld(tested);
        await using trigger = await raisingAtCommit(world.admin, `warning 'odd' using errcode = '${state}'`);
        let runs = 0;

        await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
          runs += 1;
          await savepoint(() =>
            tested.query(tx, "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$"),
          ).catch(() => {});
          await tested.query(tx, trigger.insert);
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
        await using world = await createWorld(tested);
        await using trigger = await raisingAtCommit(world.admin, `exception 'far away' using errcode = '${state}'`);

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await tested.query(tx, trigger.insert);
          if (eventCount > 0) record(happened(1));
        });

        await expect(running).rejects.toMatchObject({ code: state });
        expect(world.handled).toEqual([]);
      },
    );
  });

  describe("a durable handler whose write cannot read a number", () => {
    it("fails the unit with its own error", async () => {
      await using world = await createWorld(tested);
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

  describe("a table of keys that keeps rows out", () => {
    it("fails the unit, since the key was not stored", async () => {
      await using world = await createWorld(tested);
      await world.unitOfWork.migrate();
      await world.admin
        .query(`create function domain_events.keep_out() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger keep_out before insert on domain_events.idempotency_keys for each row execute function domain_events.keep_out()`);

      await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEYS_MISSING",
      });
    });
  });

  describe("a time limit that ends the last look at the transaction", () => {
    it("is the error with which the unit rejects", async () => {
      await using world = await createWorld(tested);
      await world.unitOfWork.run(() => {});
      const holder = await world.admin.connect();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        await tested.query(tx, "set local statement_timeout = 300");
        record(happened(1));
        await holder.query("begin; lock table pg_catalog.pg_database in access exclusive mode");
        await tested.query(tx, "select 1");
      });

      await expect(running).rejects.toMatchObject({ code: "57014" });
      await holder.query("rollback");
      holder.release();
    });
  });

  describe("a lost COMMIT of a work that has set how values are written", () => {
    it.each([
      "bytea_output = 'escape'",
      "timezone = 'Asia/Kathmandu'",
      "datestyle = 'German'",
      "intervalstyle = 'iso_8601'",
      "extra_float_digits = -15",
    ])("is resolved (%s)", async (setting) => {
      await using world = await createWorld(tested);
      await world.unitOfWork.run(() => {});

      const dropped = world.proxy.dropCommitReply();
      await world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, `set local ${setting}`);
        await world.insert(tx, 1);
        record(happened(1));
      });

      await dropped;
      expect(world.handled).toEqual([1]);
    });
  });
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
