import { describe, expect, it } from "vitest";
import { Counter, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Savepoints that the work sets by SQL, and those of the data layer. */
export function describeOwnSavepoints<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a savepoint that the work sets by itself", () => {
    it("drops its events when it is rolled back, also those of aggregates", async () => {
      await using world = await createWorld(tested);
      const counter = new Counter();

      await world.unitOfWork.run(async ({ tx, record, track }) => {
        track(counter).count(1);
        await world.insert(tx, 1);
        await tested.query(tx, "savepoint mine");
        record(happened(2));
        counter.count(3);
        await world.insert(tx, 2);
        await tested.query(tx, "rollback to savepoint mine");
        record(happened(4));
        await world.insert(tx, 4);
      });

      expect(world.handled).toEqual([1, 4]);
      expect(await world.stored()).toEqual([1, 4]);
    });

    it("still exists if the server has refused its release, and can be rolled back to", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        await tested.query(tx, "savepoint part");
        try {
          await world.insert(tx, 2);
          record(happened(2));
          // Somebody swallows the error of a part.
          await tested.query(tx, "select 1 / 0").catch(() => {});
          await tested.query(tx, "release savepoint part");
        } catch {
          await tested.query(tx, "rollback to savepoint part");
        }
        record(happened(3));
      });

      expect([world.handled, await world.stored()]).toEqual([[1, 3], [1]]);
    });

    it.each(["savepoint second", "savepoint first"])(
      "counts as not set if the server has refused it: %s",
      async (text) => {
        await using world = await createWorld(tested);

        await world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
          await tested.query(tx, "savepoint first");
          record(happened(2));
          await tested.query(tx, "select 1 / 0").catch(() => {});
          await tested.query(tx, text).catch(() => {});
          record(happened(3));
          await tested.query(tx, "rollback to first");
          record(happened(4));
          await tested.query(tx, "release first");
        });

        expect([world.handled, await world.stored()]).toEqual([[1, 4], [1]]);
      },
    );

    it.each(["release inside; rollback to around", "savepoint more; rollback to around"])(
      "commits nothing if the server has refused a text that drops events: %s",
      async (text) => {
        await using world = await createWorld(tested);

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await tested.query(tx, "savepoint around");
          await world.insert(tx, 1);
          record(happened(1));
          await tested.query(tx, "savepoint inside");
          await tested.query(tx, "select 1 / 0").catch(() => {});
          await tested.query(tx, text).catch(() => {});
          await tested.query(tx, "rollback to inside");
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect([world.handled, await world.stored()]).toEqual([[], []]);
      },
    );

    it("can be rolled back to after a savepoint() inside it could not be set", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await tested.query(tx, "savepoint mine");
        await tested.query(tx, "select 1 / 0").catch(() => {});
        await savepoint(() => {}).catch(() => {});
        await tested.query(tx, "rollback to mine");
        await world.insert(tx, 1);
      });

      expect([world.handled, await world.stored()]).toEqual([[1], [1]]);
    });
  });
}
