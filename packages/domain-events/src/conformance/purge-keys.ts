import { describe, expect, it } from "vitest";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Old idempotency keys are deleted, and no others. */
export function describePurgeKeys<Tx>(tested: TestedAdapter<Tx>): void {
  describe("runOnce", () => {
    it("deletes keys that are old enough, and only those", async () => {
      await using world = await createWorld(tested);
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
      await using world = await createWorld(tested);
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
      await using world = await createWorld(tested);
      await world.unitOfWork.migrate();
      for (const key of ["old", "young"]) await world.unitOfWork.runOnce(key, () => {});
      await world.admin.query("update domain_events.idempotency_keys set used_at = now() - interval '1 hour'");
      // The pool has one connection, and session settings stay with it.
      await world.unitOfWork.run(async ({ tx }) => {
        await tested.query(tx, "set datestyle = 'SQL, DMY'");
        await tested.query(tx, "set timezone = 'Asia/Kolkata'");
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

    it("keeps a key that is used again while keep() runs", async () => {
      await using world = await createWorld(tested, { max: 2 });
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
      await using world = await createWorld(tested);
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
      await using world = await createWorld(tested);
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
