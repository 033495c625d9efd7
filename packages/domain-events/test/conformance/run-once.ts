import { describe, expect, it } from "vitest";
import { createUnitOfWork, idempotencyKeysSql } from "../../src/index.ts";
import { createWorld, gate, happened, type TestedDriver } from "./world.ts";

/** What `migrate()` ran before the table had its name of now. */
const onceKeysOfBefore = `create schema if not exists domain_events;
create table if not exists domain_events.once_keys (
  key text collate "C" primary key,
  used_at timestamptz not null default now()
);
create index if not exists once_keys_used_at on domain_events.once_keys (used_at);`;

export function describeRunOnce<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: runOnce`, () => {
    it("runs once for each key", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      const work = async ({ tx, record }: { tx: Tx; record: (event: object) => void }): Promise<string> => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      };

      expect(await world.unitOfWork.runOnce("key", work)).toEqual({ ran: true, result: "result" });
      expect(await world.unitOfWork.runOnce("key", work)).toEqual({ ran: false });

      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it.each([
      { first: "commits", fails: false, second: { ran: false } },
      { first: "rolls back", fails: true, second: { ran: true, result: "second" } },
    ])("waits for a first run that $first", async ({ fails, second }) => {
      await using world = await createWorld(driver, { max: 2 });
      await world.unitOfWork.migrate();
      const [begun, end] = [gate(), gate()];

      const firstRun = world.unitOfWork.runOnce("key", async () => {
        begun.open();
        await end.opened;
        if (fails) throw new Error("boom");
      });
      firstRun.catch(() => {});
      await begun.opened;
      const secondRun = world.unitOfWork.runOnce("key", () => "second");
      await expect.poll(() => isWaiting(world.admin)).toBe(true);
      end.open();

      await firstRun.catch(() => {});
      expect(await secondRun).toEqual(second);
    });

    it("skips also in a serializable transaction that raced with the first", async () => {
      await using world = await createWorld(driver, { max: 2 });
      await world.unitOfWork.migrate();

      const outcomes = await Promise.all(
        [1, 2].map(() => world.unitOfWork.runOnce("key", () => "ran", { isolation: "serializable" })),
      );

      expect(outcomes.filter(({ ran }) => ran)).toHaveLength(1);
    });

    it.each(["repeatable read", "serializable"] as const)(
      "skips at %s also without a retry, when another run has claimed the key since its snapshot",
      async (isolation) => {
        await using world = await createWorld(driver, { max: 8 });
        await world.unitOfWork.migrate();

        const runs = await Promise.all(
          Array.from({ length: 8 }, () =>
            world.unitOfWork.runOnce("key", ({ record }) => record(happened(1)), { isolation, retry: { attempts: 1 } }),
          ),
        );

        expect(runs.filter(({ ran }) => ran)).toHaveLength(1);
        expect(world.handled).toEqual([1]);
      },
    );

    it("names migrate() when its table is missing", async () => {
      await using world = await createWorld(driver);

      const missing = { code: "IDEMPOTENCY_KEYS_MISSING", message: expect.stringContaining("migrate()") };
      await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject(missing);
      await expect(world.unitOfWork.purgeIdempotencyKeys({ olderThanMs: 0 })).rejects.toMatchObject(missing);
    });

    it("stops waiting for a key when its signal is aborted, and gives the connection up", async () => {
      await using world = await createWorld(driver, { max: 1 });
      await world.unitOfWork.migrate();
      const holder = await world.admin.connect();
      await holder.query("begin; insert into domain_events.idempotency_keys (key) values ('key')");
      const aborting = new AbortController();

      const running = world.unitOfWork.runOnce("key", ({ record }) => record(happened(1)), { signal: aborting.signal });
      running.catch(() => {});
      await expect
        .poll(async () => (await world.admin.query("select from pg_locks where not granted")).rowCount)
        .toBe(1);
      aborting.abort(new Error("enough"));

      await expect(running).rejects.toThrow("enough");
      expect(await world.unitOfWork.run(() => "the pool goes on")).toBe("the pool goes on");
      await holder.query("commit");
      holder.release();
      expect(world.handled).toEqual([]);
    });

    it("refuses a key that the database would store as another key, because its encoding has one character for two", async () => {
      await using world = await createWorld(driver);
      await world.admin.query(
        "create database euc template template0 encoding 'EUC_JP' locale_provider 'libc' locale 'C'",
      );
      const url = new URL(world.url);
      url.pathname = "/euc";
      const connected = driver.connect(url.href, { max: 1 });
      try {
        const unitOfWork = createUnitOfWork(connected.adapter, { bus: world.bus });
        await unitOfWork.migrate();

        expect(await unitOfWork.runOnce("k\uffe4", () => 1)).toEqual({ ran: true, result: 1 });
        await expect(unitOfWork.runOnce("k\u00a6", () => 1)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_INVALID" });
        expect(await unitOfWork.runOnce("k\uffe4", () => 1)).toEqual({ ran: false });
      } finally {
        await connected.end();
        await world.admin.query("drop database euc with (force)");
      }
    });

    it("refuses a key that cannot be stored", async () => {
      await using world = await createWorld(driver);

      for (const key of ["", "a\0b", "x".repeat(501), "lone \ud800", 7 as never]) {
        await expect(world.unitOfWork.runOnce(key, () => {})).rejects.toMatchObject({
          code: "IDEMPOTENCY_KEY_INVALID",
        });
      }
    });

    it("may be migrated by many at once, and again, and by the published SQL", async () => {
      await using world = await createWorld(driver, { max: 4 });

      await Promise.all([1, 2, 3, 4].map(() => world.unitOfWork.migrate()));
      await world.unitOfWork.migrate();
      await world.admin.query(idempotencyKeysSql);

      expect(await world.unitOfWork.runOnce("key", () => 1)).toEqual({ ran: true, result: 1 });
    });

    it("keeps the keys of the version before, whose table had another name, and refuses both tables at once", async () => {
      await using world = await createWorld(driver);
      await world.admin.query(onceKeysOfBefore);
      await world.admin.query("insert into domain_events.once_keys (key) values ('of before')");

      await world.unitOfWork.migrate();

      expect(await world.unitOfWork.runOnce("of before", () => 1)).toEqual({ ran: false });
      expect(await world.unitOfWork.runOnce("new", () => 1)).toEqual({ ran: true, result: 1 });
      const { rows } = await world.admin.query(
        "select indexname from pg_indexes where schemaname = 'domain_events' order by indexname",
      );
      expect(rows.map((row) => row.indexname)).toEqual(["idempotency_keys_pkey", "idempotency_keys_used_at"]);
      await world.admin.query(onceKeysOfBefore);
      await expect(world.unitOfWork.migrate()).rejects.toMatchObject({ code: "42P07" });
    });

    it("deletes keys that are old enough, and only those", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      for (const key of ["old", "new"]) await world.unitOfWork.runOnce(key, () => {});
      await world.admin.query(
        "update domain_events.idempotency_keys set used_at = now() - interval '1 hour' where key = 'old'",
      );

      const count = await world.unitOfWork.purgeIdempotencyKeys({ olderThanMs: 60_000 });

      expect(count).toBe(1);
      expect(await world.unitOfWork.runOnce("new", () => {})).toEqual({ ran: false });
      expect(await world.unitOfWork.runOnce("old", () => {})).toMatchObject({ ran: true });
    });

    it("keeps an old key that was used again lately, or that keep() returns", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      const keys = ["asked again", "held", "old"];
      for (const key of keys) await world.unitOfWork.runOnce(key, () => {});
      await world.admin.query("update domain_events.idempotency_keys set used_at = now() - interval '1 hour'");
      await world.unitOfWork.runOnce("asked again", () => {});
      const asked: string[][] = [];

      const count = await world.unitOfWork.purgeIdempotencyKeys({
        olderThanMs: 60_000,
        keep: async (some) => {
          asked.push([...some]);
          return ["held"];
        },
      });

      expect([count, asked]).toEqual([1, [["held", "old"]]]);
      const { rows } = await world.admin.query("select key from domain_events.idempotency_keys order by key");
      expect(rows).toEqual([{ key: "asked again" }, { key: "held" }]);
    });

    it("deletes old keys in any date style and time zone", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      for (const key of ["old", "young"]) await world.unitOfWork.runOnce(key, () => {});
      await world.admin.query("update domain_events.idempotency_keys set used_at = now() - interval '1 hour'");
      // The pool has one connection, and session settings stay with it.
      await world.unitOfWork.run(async ({ tx }) => {
        await driver.query(tx, "set datestyle = 'SQL, DMY'");
        await driver.query(tx, "set timezone = 'Asia/Kolkata'");
      });

      const count = await world.unitOfWork.purgeIdempotencyKeys({
        olderThanMs: 60_000,
        keep: async () => {
          await world.unitOfWork.runOnce("young", () => {});
          return [];
        },
      });

      const { rows } = await world.admin.query("select key from domain_events.idempotency_keys");
      expect([count, rows]).toEqual([1, [{ key: "young" }]]);
    });

    it("compares keys by their bytes: no library of the system can change their order", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();

      const { rows } = await world.admin.query(`select collation_name from information_schema.columns
        where table_schema = 'domain_events' and column_name = 'key'`);

      expect(rows).toEqual([{ collation_name: "C" }]);
    });

    it("keeps a key that is used again while keep() runs", async () => {
      await using world = await createWorld(driver, { max: 2 });
      await world.unitOfWork.migrate();
      await world.unitOfWork.runOnce("key", () => {});
      await world.admin.query("update domain_events.idempotency_keys set used_at = now() - interval '1 hour'");

      const count = await world.unitOfWork.purgeIdempotencyKeys({
        olderThanMs: 60_000,
        keep: async () => {
          await world.unitOfWork.runOnce("key", () => {});
          return [];
        },
      });

      expect(count).toBe(0);
    });

    it("deletes any number of keys, even if it keeps as many", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      await world.admin.query(
        `insert into domain_events.idempotency_keys (key, used_at)
         select n::text, now() - interval '1 hour' from generate_series(1, 25000) as n`,
      );

      const count = await world.unitOfWork.purgeIdempotencyKeys({
        olderThanMs: 60_000,
        keep: (some) => some.filter((key) => Number(key) % 2 === 0),
      });

      expect(count).toBe(12_500);
    });

    it("deletes nothing if keep() fails", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      await world.unitOfWork.runOnce("key", () => {});
      const unknown = new Error("the jobs database is away");

      await expect(
        world.unitOfWork.purgeIdempotencyKeys({ olderThanMs: 0, keep: () => Promise.reject(unknown) }),
      ).rejects.toBe(unknown);

      expect(await world.unitOfWork.runOnce("key", () => {})).toEqual({ ran: false });
    });
  });
}

async function isWaiting(admin: { query: (text: string) => Promise<{ rowCount: number | null }> }): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_locks where not granted");
  return (rowCount ?? 0) > 0;
}
