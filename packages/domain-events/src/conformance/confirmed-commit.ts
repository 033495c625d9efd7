import { describe, expect, it } from "vitest";
import { durably, Happened, happened } from "./events.ts";
import { waysToEnd } from "./ways-to-end.ts";
import type { Meddling, TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What a unit promises when nothing goes wrong, and when the work itself meddles. */
export function describeConfirmedCommit<Tx>(tested: TestedAdapter<Tx>): void {
  const meddling: readonly Meddling<Tx>[] = [
    ...(tested.meddling ?? []),
    ...waysToEnd.map((text) => ({ how: text, meddle: (tx: Tx) => tested.query(tx, text) })),
  ];

  describe("a confirmed commit", () => {
    it("publishes after the commit, and returns what the work returned", async () => {
      await using world = await createWorld(tested);
      const storedWhenHandled: number[][] = [];
      world.bus.register(Happened, async () => storedWhenHandled.push(await world.stored()));

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        expect(world.handled).toEqual([]);
        return "result";
      });

      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(storedWhenHandled).toEqual([[1]]);
    });

    it("runs handlers with the connection back in the pool: they may open a unit on a pool of one", async () => {
      await using world = await createWorld(tested);
      const inUse: number[] = [];
      world.bus.register(Happened, async ({ n }) => {
        inUse.push(world.inUseCount());
        if (n < 3) await world.unitOfWork.run(({ record }) => record(happened(n + 1)));
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1, 2, 3]);
      expect(inUse).toEqual([0, 0, 0]);
    });

    it("publishes nothing of a work that rejects, and throws its error as it is", async () => {
      await using world = await createWorld(tested);
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        throw boom;
      });

      await expect(running).rejects.toBe(boom);
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("writes durable requests with the data, in one write, and wakes the store once", async () => {
      await using world = await createWorld(tested);
      world.bus.register(Happened, durably(world.store));

      await world.unitOfWork.run(({ record }) => {
        record(happened(1));
        record(happened(2));
      });
      await world.unitOfWork.run(({ record }) => fail(record)).catch(() => {});

      expect(await world.stored("durable_rows")).toEqual([1, 2]);
      expect(world.wakeCount()).toBe(1);
    });
  });

  describe("a work that ends the transaction itself", () => {
    it.each(meddling)("is refused: $how", async ({ meddle }) => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await meddle(tx);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it.each(meddling)("is refused also when it swallows the error: $how", async ({ meddle }) => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        try {
          await meddle(tx);
        } catch {
          // Swallowed.
        }
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("may use savepoints of its own, and words like commit in its data", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await tested.query(tx, "savepoint mine");
        await tested.query(tx, "select 'commit; rollback'");
        await tested.query(tx, "rollback to savepoint mine");
        await tested.query(tx, "-- commit\nrelease savepoint mine");
      });

      expect(world.handled).toEqual([1]);
    });
  });
}

function fail(record: (event: object) => void): never {
  record(happened(3));
  throw new Error("boom");
}
