import { countUpBy } from "./count-up.ts";
import { describe, expect, it } from "vitest";
import { beforeCommit } from "../bus/before-commit.ts";
import { Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld, type World } from "./world.ts";

/** Serialization failures run the work again, however they are wrapped. */
export function describeRetries<Tx>(tested: TestedAdapter<Tx>): void {
  const countUp = countUpBy(tested);

  describe("a serialization failure", () => {
    it("runs the whole work again, with no events left from the run before", async () => {
      await using world = await createWorld(tested);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(happened(runs));
          await countUp(world, tx, { disturbed: runs === 1 });
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("runs the work again also when it appears at COMMIT", async () => {
      await using world = await createWorld(tested);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          await tested.query(tx, "select value from counters where id = 'a'");
          await tested.query(tx, "update counters set value = 1 where id = 'b'");
          record(happened(runs));
          if (runs === 1) await writeSkew(world);
        },
        { isolation: "serializable" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("reaches the retry from a beforeCommit handler, too", async () => {
      await using world = await createWorld(tested);
      let runs = 0;
      world.bus.register(
        Happened,
        beforeCommit((_event, { tx }) => countUp(world, tx, { disturbed: runs === 1 })),
      );

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          await tested.query(tx, "select * from counters");
          record(happened(runs));
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("reaches the retry from a joined run whose error was swallowed", async () => {
      await using world = await createWorld(tested);
      let runs = 0;

      await world.unitOfWork.run(
        async () => {
          runs += 1;
          const joined = world.unitOfWork.run(({ tx }) => countUp(world, tx, { disturbed: runs === 1 }));
          await joined.catch(() => {});
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
    });

    it.each([
      {
        how: "an error of an ORM, with the original as its cause",
        wrap: (cause: unknown) => new Error("query failed", { cause }),
      },
      { how: "an error that says nothing of it", wrap: () => new Error("could not place the order") },
      { how: "no error at all", wrap: () => undefined },
    ])("reaches the retry however the work has wrapped it: $how", async ({ wrap }) => {
      await using world = await createWorld(tested);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(happened(runs));
          await countUp(world, tx, { disturbed: runs === 1 }).catch((error: unknown) => {
            const wrapped = wrap(error);
            if (wrapped) throw wrapped;
          });
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });
  });
}

/** Reads what the unit writes, writes what it has read, and commits first. */
async function writeSkew<Tx>(world: World<Tx>): Promise<void> {
  const client = await world.admin.connect();
  await client.query("begin isolation level serializable");
  await client.query("select value from counters where id = 'b'");
  await client.query("update counters set value = 1 where id = 'a'");
  await client.query("commit");
  client.release();
}
