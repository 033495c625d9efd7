import { describe, expect, it } from "vitest";
import { Counter, durably, gate, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Aggregates that two units want, and code that changes them too late. */
export function describeLateAggregates<Tx>(tested: TestedAdapter<Tx>): void {
  describe("an aggregate", () => {
    it("is refused by a second unit while a first unit tracks it, and is free once the first unit has ended", async () => {
      await using world = await createWorld(tested, { max: 2 });
      const counter = new Counter();
      const { opened, open } = gate();
      const tracked = gate();
      const first = world.unitOfWork.run(async ({ track }) => {
        track(counter).count(1);
        tracked.open();
        await opened;
      });
      await tracked.opened;
      const second = world.unitOfWork.run(({ track }) => track(counter).count(2));

      await expect(second).rejects.toMatchObject({ code: "AGGREGATE_TRACKED" });
      open();
      await first;
      await world.unitOfWork.run(({ track }) => track(counter).count(3));

      expect(world.handled).toEqual([1, 3]);
    });

    it.each([
      { how: "throws", pullEvents: () => fail() },
      { how: "is asynchronous", pullEvents: async () => [] },
      { how: "returns nothing", pullEvents: () => undefined },
    ])(
      "whose pullEvents() $how fails the unit, which is rolled back and leaves nothing behind",
      async ({ pullEvents }) => {
        await using world = await createWorld(tested);
        for (let run = 0; run < 3; run += 1) {
          const running = world.unitOfWork.run(async ({ tx, track }) => {
            await world.insert(tx, 1);
            track({ pullEvents: pullEvents as unknown as () => object[] });
          });
          await expect(running).rejects.toThrow(/pullEvents/);
        }

        expect(world.inUseCount()).toBe(0);
        expect(await world.stored()).toEqual([]);
        const { rows } = await world.admin.query(
          "select from pg_stat_activity where state like 'idle in transaction%' and application_name <> 'conformance' and datname = current_database()",
        );
        expect(rows).toEqual([]);
      },
    );

    it("that is changed by code that has outlived its savepoint rolls the unit back, since the rows of that code are refused", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();

      const running = world.unitOfWork.run(async ({ tx, track, savepoint }) => {
        const counter = track(new Counter());
        await world.insert(tx, 1);
        let late: Promise<void> | undefined;
        await savepoint(async () => {
          late = opened.then(() => counter.count(2));
          await Promise.reject(new Error("boom"));
        }).catch(() => {});
        open();
        await expect(late).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_ENDED" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("that is changed after its events were collected is refused, and rolls the unit back if COMMIT has not been sent", async () => {
      await using world = await createWorld(tested);
      const [writing, changed] = [gate(), gate()];
      const store = {
        ...world.store,
        async write() {
          writing.open();
          await changed.opened;
          return undefined;
        },
      };
      world.bus.register(Happened, durably(store));
      const counter = new Counter();
      let late: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx, track, record }) => {
        track(counter);
        record(happened(1));
        await world.insert(tx, 1);
        late = writing.opened.then(() => counter.count(2)).finally(changed.open);
        late.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "UNIT_ENDED" } });
      await expect(late).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect([world.handled, await world.stored(), counter.pullEvents()]).toEqual([[], [], []]);
    });

    it("cannot be changed by code that has outlived its unit, since a later unit would publish the event", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      const counter = new Counter();
      let late: Promise<void> | undefined;

      const running = world.unitOfWork.run(async ({ tx, track }) => {
        track(counter);
        await world.insert(tx, 1);
        late = opened.then(() => counter.count(1));
        late.catch(() => {});
        throw new Error("boom");
      });
      await expect(running).rejects.toThrow("boom");
      open();
      await expect(late).rejects.toMatchObject({ code: "UNIT_ENDED" });
      await world.unitOfWork.run(({ track }) => void track(counter));

      expect(world.handled).toEqual([]);
    });

    it("whose pullEvents() fails in a savepoint rolls the whole unit back, since events of other aggregates are lost", async () => {
      await using world = await createWorld(tested);
      const counter = new Counter();

      const running = world.unitOfWork.run(async ({ track, savepoint }) => {
        track(counter).count(1);
        await savepoint(({ track: trackInside }) => {
          trackInside({ pullEvents: () => fail() });
        }).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED" });
      expect(world.handled).toEqual([]);
    });
  });
}

function fail(): never {
  throw new Error("pullEvents() failed");
}
