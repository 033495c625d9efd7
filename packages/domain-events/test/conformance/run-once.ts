import { describe, expect, it } from "vitest";
import { onceKeysSql } from "../../src/index.ts";
import { createWorld, gate, happened, type TestedDriver } from "./world.ts";

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

    it("names migrate() when its table is missing", async () => {
      await using world = await createWorld(driver);

      const missing = { code: "ONCE_KEYS_MISSING", message: expect.stringContaining("migrate()") };
      await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject(missing);
      await expect(world.unitOfWork.purgeOnceKeys({ olderThanMs: 0 })).rejects.toMatchObject(missing);
    });

    it("refuses a key that cannot be stored", async () => {
      await using world = await createWorld(driver);

      for (const key of ["", "a\0b", "x".repeat(501), 7 as never]) {
        await expect(world.unitOfWork.runOnce(key, () => {})).rejects.toMatchObject({ code: "ONCE_KEY_INVALID" });
      }
    });

    it("may be migrated by many at once, and again, and by the published SQL", async () => {
      await using world = await createWorld(driver, { max: 4 });

      await Promise.all([1, 2, 3, 4].map(() => world.unitOfWork.migrate()));
      await world.unitOfWork.migrate();
      await world.admin.query(onceKeysSql);

      expect(await world.unitOfWork.runOnce("key", () => 1)).toEqual({ ran: true, result: 1 });
    });

    it("forgets keys that are old enough, and only those", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.migrate();
      for (const key of ["old", "new"]) await world.unitOfWork.runOnce(key, () => {});
      await world.admin.query(
        "update domain_events.once_keys set used_at = now() - interval '1 hour' where key = 'old'",
      );

      const count = await world.unitOfWork.purgeOnceKeys({ olderThanMs: 60_000 });

      expect(count).toBe(1);
      expect(await world.unitOfWork.runOnce("new", () => {})).toEqual({ ran: false });
      expect(await world.unitOfWork.runOnce("old", () => {})).toMatchObject({ ran: true });
    });
  });
}

async function isWaiting(admin: { query: (text: string) => Promise<{ rowCount: number | null }> }): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_locks where not granted");
  return (rowCount ?? 0) > 0;
}
