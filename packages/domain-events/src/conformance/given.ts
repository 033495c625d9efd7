import { describe, expect, it } from "vitest";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Whatever is wrong here makes other tests fail for no fault of the adapter. */
export function describeGiven<Tx>(tested: TestedAdapter<Tx>): void {
  describe("what the suite was given", () => {
    it("sends its statements to the database of the URL, inside the transaction", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx }) => {
        await tested.query(tx, "insert into rows values (1)");
        expect(await world.stored()).toEqual([]);
      });

      expect(await world.stored()).toEqual([1]);
    });

    it("counts the connections that are checked out, of which there are no more than `max`", async () => {
      await using world = await createWorld(tested, { max: 2 });
      const counts: number[] = [];
      const count = () => world.unitOfWork.run(() => void counts.push(world.inUseCount()));

      await Promise.all([1, 2, 3, 4].map(count));

      expect(Math.max(...counts)).toBeLessThanOrEqual(2);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
      expect(world.inUseCount()).toBe(0);
    });

    it.skipIf(!tested.isOverPg)("hands each of its clients to `onClient`", async () => {
      const clients: object[] = [];
      await using world = await createWorld(tested, { onClient: (client) => clients.push(client) });

      await world.unitOfWork.run(({ tx }) => tested.query(tx, "select 1"));

      expect(clients).toHaveLength(1);
    });
  });
}
