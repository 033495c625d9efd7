import { describe, expect, it } from "vitest";
import { AggregateRoot } from "../event/aggregate-root.ts";
import { Counter, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Aggregates that record for themselves. */
export function describeAggregates<Tx>(tested: TestedAdapter<Tx>): void {
  describe("an aggregate", () => {
    it("is drained once, however often it is tracked", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(({ track }) => {
        const counter = track(track(new Counter()));
        counter.count(1);
      });

      expect(world.handled).toEqual([1]);
    });

    it("has its events published in the order of recording, across aggregates and direct ones", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ track, record, savepoint }) => {
        const [a, b] = [track(new Counter()), track(new Counter())];
        b.count(1);
        a.count(2);
        b.count(3);
        record(happened(4));
        a.count(5);
        await savepoint((inner) => {
          b.count(6);
          inner.record(happened(7));
          a.count(8);
        });
        b.count(9);
      });

      expect(world.handled).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it("loses what it records in a savepoint that rolls back, and keeps what it had recorded before", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ track, savepoint }) => {
        const outer = track(new Counter());
        outer.count(1);
        await savepoint((inner) => {
          outer.count(2);
          inner.track(new Counter()).count(3);
          throw new Error("boom");
        }).catch(() => {});
        outer.count(4);
      });

      expect(world.handled).toEqual([1, 4]);
    });

    it("that hands over what its parts have recorded is asked each time, since its parts do not tell", async () => {
      await using world = await createWorld(tested);
      class Line extends AggregateRoot {
        add(n: number): void {
          this.record(happened(n));
        }
      }
      class Order extends AggregateRoot {
        readonly line = new Line();

        override pullEvents(): object[] {
          return [...super.pullEvents(), ...this.line.pullEvents()];
        }
      }
      const order = new Order();

      await world.unitOfWork.run(async ({ tx, track, savepoint }) => {
        track(order);
        await savepoint(() => {});
        await world.insert(tx, 1);
        order.line.add(1);
        await savepoint(async ({ tx: inner }) => {
          await world.insert(inner, 2);
          order.line.add(2);
        });
        await savepoint(async ({ tx: inner }) => {
          await world.insert(inner, 666);
          order.line.add(666);
          throw new Error("boom");
        }).catch(() => {});
      });
      await world.unitOfWork.run(({ track }) => track(order));

      expect([world.handled, await world.stored()]).toEqual([
        [1, 2],
        [1, 2],
      ]);
    });

    it("leaks nothing into the next unit after a rollback", async () => {
      await using world = await createWorld(tested);
      const [kept, inner] = [new Counter(), new Counter()];

      await world.unitOfWork
        .run(async ({ track, savepoint }) => {
          track(kept).count(1);
          await savepoint((part) => {
            part.track(inner);
            throw new Error("boom");
          }).catch(() => {});
          inner.count(2);
          throw new Error("boom");
        })
        .catch(() => {});
      await world.unitOfWork.run(({ track }) => {
        track(inner);
        track(kept).count(3);
      });

      expect(world.handled).toEqual([3]);
    });

    it("must have pullEvents()", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(({ track }) => void track({} as Counter));

      await expect(running).rejects.toMatchObject({ code: "AGGREGATE_INVALID" });
    });
  });
}
