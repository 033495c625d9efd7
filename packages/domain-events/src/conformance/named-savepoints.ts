import { describe, expect, it } from "vitest";
import { gate, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Savepoints by their names, and statements of other code beside them. */
export function describeNamedSavepoints<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a savepoint that the work sets by itself", () => {
    it("is identified by its name in the same way as on the server", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork
        .run(async ({ tx, record }) => {
          for (const [text, n] of [
            ["SAVEPOINT Outer", 1],
            ['savepoint "Outer"', 2],
            ["savepoint outer", 3],
            ["rollback work to outer", 0],
            ["release outer; rollback transaction to savepoint OUTER", 0],
            ["-- back\nrollback /* to */ to outer", 0],
          ] as const) {
            await tested.query(tx, text).catch(() => {});
            if (n > 0) record(happened(n));
          }
        })
        .catch(() => {});
      await world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "savepoint a");
        record(happened(5));
        await tested.query(tx, "savepoint a");
        record(happened(6));
        await tested.query(tx, "rollback to a; release a");
        record(happened(7));
        await tested.query(tx, "rollback to a");
        record(happened(8));
      });

      expect(world.handled).toEqual([8]);
    });

    it("passes its events on to the savepoint or unit around it when it is released", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, savepoint }) => {
        await savepoint(async ({ record }) => {
          await tested.query(tx, "savepoint mine");
          record(happened(1));
          await tested.query(tx, "release mine");
        });
        await savepoint(async ({ record }) => {
          await tested.query(tx, "savepoint mine");
          record(happened(2));
          await tested.query(tx, "release mine");
          throw new Error("boom");
        }).catch(() => {});
      });

      expect(world.handled).toEqual([1]);
    });

    it.each(["rollback to outside", "release outside", "rollback to domain_events_1"])(
      "must be its own: %s, from inside a savepoint()",
      async (text) => {
        await using world = await createWorld(tested);

        const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
          await tested.query(tx, "savepoint outside");
          record(happened(1));
          await savepoint(() => tested.query(tx, text));
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect(world.handled).toEqual([]);
      },
    );
  });

  describe("a statement of other code while a savepoint is open", () => {
    it("is refused, since it would be rolled back with the savepoint while its event is published", async () => {
      await using world = await createWorld(tested);
      const [inside, tried] = [gate(), gate()];

      const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async () => {
          inside.open();
          await tried.opened;
          throw new Error("boom");
        });
        const sibling = inside.opened.then(() => world.insert(tx, 1));
        await expect(sibling).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
        tried.open();
        await part.catch(() => {});
        await world.insert(tx, 2);
        record(happened(2));
      });

      // Like a statement that the server refuses: what was recorded beside it may be about it.
      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_OPEN" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("is refused as well when the savepoint it was sent in has ended", async () => {
      await using world = await createWorld(tested);
      const ended = gate();
      let late: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx, savepoint }) => {
        await savepoint(({ record, query }) => {
          late = (async () => {
            await ended.opened;
            expect(() => record(happened(1))).toThrow(expect.objectContaining({ code: "SAVEPOINT_ENDED" }));
            await expect(query("select 1")).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await expect(world.bus.publish(happened(1))).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await expect(world.unitOfWork.run(() => {})).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await world.insert(tx, 1);
          })();
        });
        ended.open();
        await expect(late).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
      });

      // What the savepoint had recorded may be about it.
      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_ENDED" } });
      expect(await world.stored()).toEqual([]);
    });
  });
}
