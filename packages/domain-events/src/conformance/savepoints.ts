import { describe, expect, it } from "vitest";
import { codeOf, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Savepoints of the unit. */
export function describeSavepoints<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a savepoint", () => {
    it("drops its rows and its events when it rolls back, and leaves its siblings in order", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await savepoint(async (inner) => {
          inner.record(happened(2));
          await world.insert(tx, 2);
          await world.insert(tx, 2);
        }).catch(() => {});
        await savepoint(async (inner) => {
          inner.record(happened(3));
          await world.insert(tx, 3);
        });
        record(happened(4));
      });

      expect(world.handled).toEqual([1, 3, 4]);
      expect(await world.stored()).toEqual([3]);
    });

    it("publishes nothing when it is released and the unit rolls back", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ savepoint }) => {
        await savepoint(({ record }) => record(happened(1)));
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
    });

    it("drops an inner savepoint that was released when it rolls back", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await savepoint(async (middle) => {
          await middle.savepoint(async (inner) => {
            inner.record(happened(2));
            await world.insert(tx, 2);
          });
          throw new Error("boom");
        }).catch(() => {});
        record(happened(3));
      });

      expect(world.handled).toEqual([1, 3]);
      expect(await world.stored()).toEqual([]);
    });

    it("rejects after a swallowed query error, and the unit goes on without it", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async (inner) => {
          inner.record(happened(1));
          await world.insert(tx, 1);
          await world.insert(tx, 1).catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "25P02" });
        record(happened(2));
      });

      expect(world.handled).toEqual([2]);
    });

    it("lets what is recorded after it wait for the commit", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ record, savepoint }) => {
        await savepoint(() => {});
        record(happened(1));
        await savepoint(() => {});
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1]);
    });

    it("takes with it what came after an older one of that name, where one of the work's own could not be set", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "savepoint a");
        record(happened(1));
        await world.insert(tx, 1);
        await tested.query(tx, "select 1/0").catch(() => {});
        await tested.query(tx, "savepoint a").catch(() => {});
        await tested.query(tx, "rollback to a");
      });

      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });
  });

  describe("a savepoint", () => {
    it("waits for anything awaitable that its work returns", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ savepoint, tx, record }) => {
        await savepoint(() => ({
          // oxlint-disable-next-line unicorn/no-thenable -- as a query builder has one.
          then: (resolve, reject) => world.insert(tx, 1).then(() => resolve?.(undefined as never), reject),
        }));
        record(happened(1));
      });

      expect(await world.stored()).toEqual([1]);
      expect(world.handled).toEqual([1]);
    });

    it("is rolled back with its unit if a statement was refused while its RELEASE was running", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ savepoint, tx }) => {
        await savepoint(({ record }) => {
          record(happened(1));
          setImmediate(() => void world.insert(tx, 1).catch(() => {}));
        });
        await tested.query(tx, "select pg_sleep(0.02)");
      });

      const outcome = await codeOf(running);
      expect(await world.stored()).toEqual(world.handled);
      expect(["accepted", "UNIT_DOOMED", "SAVEPOINT_ENDED"]).toContain(outcome);
    });
  });
}
