import { describe, expect, it } from "vitest";
import { runOutsideUnits } from "../current-unit.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { createUnitOfWork } from "../unit-of-work/unit-of-work.ts";
import { gate, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Units on another database, outside of all units, and through another adapter. */
export function describeOtherUnits<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a unit on another database", () => {
    it("runs its handlers outside of the unit around it, so what they publish does not depend on how that unit ends", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      world.bus.register(Happened, async ({ n }) => {
        if (n === 1) await world.bus.publish(happened(2));
      });

      const running = world.unitOfWork.run(async () => {
        await unitThere.run(async ({ tx, record }) => {
          await other.insert(tx, 1);
          record(happened(1));
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await other.stored()).toEqual([1]);
      expect(world.handled).toEqual([1, 2]);
    });
  });

  describe("runOutsideUnits", () => {
    it("starts a transaction of its own, which is stored even if the unit around it rolls back", async () => {
      await using world = await createWorld(tested, { max: 2 });

      const running = world.unitOfWork.run(async () => {
        await runOutsideUnits(() =>
          world.unitOfWork.run(async ({ tx, record }) => {
            await world.insert(tx, 1);
            record(happened(1));
          }),
        );
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it("keeps what it starts out of every later unit, too", async () => {
      await using world = await createWorld(tested, { max: 2 });
      const [go, done] = [gate(), gate()];

      const running = world.unitOfWork.run(async () => {
        runOutsideUnits(() => {
          void (async () => {
            await go.opened;
            await world.unitOfWork.run(({ tx }) => world.insert(tx, 1));
            done.open();
          })();
        });
        go.open();
        await done.opened;
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await world.stored()).toEqual([1]);
    });
  });

  describe("a run that joins through another adapter over the same pool", () => {
    it("gets the tx of its own adapter", async () => {
      await using world = await createWorld(tested);
      const wrapped = createUnitOfWork(wrapTx(world.adapter), { bus: world.bus as never });

      await world.unitOfWork.run(async ({ tx, record }) => {
        await wrapped.run(async ({ tx: { inner } }) => {
          expect(inner).toBe(tx);
          await world.insert(inner, 1);
        });
        record(happened(1));
      });
      await wrapped.run(async () => {
        await world.unitOfWork.run(({ tx }) => world.insert(tx, 2));
      });

      expect(await world.stored()).toEqual([1, 2]);
    });

    it("is refused when its adapter cannot make a tx", async () => {
      await using world = await createWorld(tested);
      const { adopt: _, ...rest } = wrapTx(world.adapter);
      const wrapped = createUnitOfWork<{ inner: Tx }>(rest, { bus: world.bus as never });

      const running = world.unitOfWork.run(() => wrapped.run(() => {}));

      await expect(running).rejects.toMatchObject({ code: "JOINED_ADAPTER" });
    });
  });
}

function wrapTx<Tx>(adapter: TransactionAdapter<Tx>): TransactionAdapter<{ inner: Tx }> {
  return {
    database: adapter.database,
    async begin(options) {
      const transaction = await adapter.begin(options);
      return { ...transaction, tx: { inner: transaction.tx } };
    },
    adopt: async (handle) => ({ inner: (await adapter.adopt?.(handle)) as Tx }),
  };
}
