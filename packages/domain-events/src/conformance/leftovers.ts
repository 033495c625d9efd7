import { describe, expect, it } from "vitest";
import { createUnitOfWork } from "../unit-of-work/unit-of-work.ts";
import { codeOf, gate, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What goes on, or is left open, when the part of the work that it belongs to is over. */
export function describeLeftovers<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a branch that goes on when its unit has been undone", () => {
    it("publishes nothing and begins no unit of its own, since it may be about data that is gone", async () => {
      await using world = await createWorld(tested, { max: 2 });
      const { opened, open } = gate();
      let branch: Promise<unknown[]> | undefined;

      const running = world.unitOfWork.run(async ({ tx }) => {
        branch = (async () => {
          // Where the data layer takes its time, the unit has ended by then.
          await world.insert(tx, 1).catch(() => {});
          await opened;
          return [
            await codeOf(world.bus.publish(happened(1))),
            await codeOf(world.bus.publishAll([happened(1)])),
            await codeOf(world.unitOfWork.run(({ record }) => record(happened(2)))),
          ];
        })();
        await Promise.all([branch, Promise.reject(new Error("boom"))]);
      });

      await expect(running).rejects.toThrow("boom");
      open();
      expect(await branch).toEqual(["UNIT_ENDED", "UNIT_ENDED", "UNIT_ENDED"]);
      expect(world.handled).toEqual([]);
    });

    it("publishes nothing of an attempt after which the work has run again", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      const late: Promise<unknown>[] = [];
      let runs = 0;

      await world.unitOfWork.run(async ({ tx, record }) => {
        runs += 1;
        record(happened(runs));
        if (runs > 1) return;
        late.push(opened.then(() => codeOf(world.bus.publish(happened(99)))));
        await tested.query(tx, "do $$ begin raise exception 'as if' using errcode = '40001'; end $$");
      });

      open();
      expect(await Promise.all(late)).toEqual(["UNIT_ENDED"]);
      expect(world.handled).toEqual([2]);
    });

    it("does not record in the unit around it, on another database", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      const { opened, open } = gate();

      await world.unitOfWork.run(async () => {
        let branch: Promise<unknown> | undefined;
        const running = unitThere.run(() => {
          branch = opened.then(() => codeOf(world.bus.publish(happened(1))));
          throw new Error("boom");
        });
        await running.catch(() => {});
        open();
        expect(await branch).toBe("UNIT_ENDED");
      });

      expect(world.handled).toEqual([]);
    });
  });

  describe("units on two databases, one inside the other", () => {
    it("record an event in the unit that the publishing code has joined, not in the innermost unit", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(async () => {
        await unitThere.run(async () => {
          await world.unitOfWork.run(async ({ tx }) => {
            await world.insert(tx, 1);
            await world.bus.publish(happened(1));
          });
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("are both there for code in a savepoint of the outer one", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(({ savepoint }) =>
        unitThere.run(async () => {
          await savepoint(() =>
            unitThere.run(async ({ tx, record }) => {
              await other.insert(tx, 2);
              record(happened(2));
            }),
          );
          throw new Error("boom");
        }),
      );

      await expect(running).rejects.toThrow("boom");
      expect(await other.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });
  });
}
