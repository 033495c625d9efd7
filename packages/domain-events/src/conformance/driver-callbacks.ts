import { describe, expect, it } from "vitest";
import { happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What a driver calls back later comes from its socket, outside of every unit by itself. */
export function describeDriverCallbacks<Tx>(tested: TestedAdapter<Tx>): void {
  const styles = tested.callbackStyles ?? [];

  describe.skipIf(styles.length === 0)("code that the driver calls back inside the work", () => {
    it.each(styles)("belongs to the unit: $how", async ({ call }) => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx }) => {
        await new Promise<void>((resolve, reject) => {
          call(tx, () => {
            const calls = [
              world.bus.publish(happened(1)),
              world.unitOfWork.run(async ({ tx: joined, record }) => {
                await world.insert(joined, 2);
                record(happened(2));
              }),
            ];
            Promise.all(calls).then(() => resolve(), reject);
          });
        });
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1, 2]);
      expect(await world.stored()).toEqual([2]);
    });

    it.each(styles)("publishes nothing when the unit rolls back: $how", async ({ call }) => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, savepoint }) => {
        await savepoint(async () => {
          await new Promise<void>((resolve, reject) => {
            call(tx, () => void world.bus.publish(happened(1)).then(resolve, reject));
          });
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
    });
  });
}
