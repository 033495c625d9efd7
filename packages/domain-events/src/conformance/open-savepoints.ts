import { describe, expect, it } from "vitest";
import { codeOf, Counter, gate, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Savepoints that are still open when something else goes on. */
export function describeOpenSavepoints<Tx>(tested: TestedAdapter<Tx>): void {
  const streamFrom = async (tx: Tx) => tested.stream?.(tx, "select 1", () => {});

  describe("a savepoint", () => {
    it("refuses recording, tracking and a second savepoint on the scope around it while it is open", async () => {
      await using world = await createWorld(tested);
      const open = { code: "SAVEPOINT_OPEN" };

      await world.unitOfWork.run(async ({ record, track, savepoint }) => {
        await savepoint(async () => {
          expect(() => record(happened(1))).toThrow(expect.objectContaining(open));
          expect(() => track(new Counter())).toThrow(expect.objectContaining(open));
          await expect(savepoint(() => {})).rejects.toMatchObject(open);
        });
        await Promise.allSettled([savepoint((inner) => inner.record(happened(2))), savepoint(() => {})]);
      });

      expect(world.handled).toEqual([2]);
    });

    it.skipIf(!tested.stream)("refuses a stream of a sibling, which then ends with the error", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(({ savepoint, tx }) =>
        savepoint(() => streamFrom(tx).catch((error: unknown) => error)),
      );
      const refused = world.unitOfWork.run(async ({ savepoint, tx }) => {
        const { opened, open } = gate();
        const part = savepoint(() => opened);
        const streamed = await streamFrom(tx).catch((error: unknown) => error);
        open();
        await part;
        throw streamed;
      });

      await expect(running).resolves.toBeUndefined();
      await expect(refused).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
    });

    it("ends a savepoint inside it that was not awaited", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      let inner: Promise<void> | undefined;

      await world.unitOfWork.run(async ({ tx, record, track, savepoint }) => {
        const counter = track(new Counter());
        const part = savepoint((outer) => {
          inner = outer.savepoint(async (context) => {
            await opened;
            await world.insert(context.tx, 1);
          });
          inner.catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
        counter.count(2);
        open();
        await expect(inner).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
        record(happened(3));
        await world.insert(tx, 2);
      });

      expect(world.handled).toEqual([2, 3]);
      expect(await world.stored()).toEqual([2]);
    });

    it("rolls the unit back when the work returns without awaiting it", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      let part: Promise<void> | undefined;

      const running = world.unitOfWork.run(({ savepoint, record }) => {
        record(happened(1));
        part = savepoint(() => opened);
        part.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
      open();
      await expect(part).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });

  describe("a savepoint inside one that has failed", () => {
    it("ends with it, and refuses later statements and events", async () => {
      await using world = await createWorld(tested);
      const [inside, failed] = [gate(), gate()];
      const refused: unknown[] = [];

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        let inner: Promise<unknown> | undefined;
        await savepoint(async (outer) => {
          inner = outer.savepoint(async (context) => {
            inside.open();
            await failed.opened;
            refused.push(await codeOf((async () => context.record(happened(1)))()));
            refused.push(await codeOf(world.insert(tx, 1)));
          });
          await Promise.all([inner, inside.opened.then(() => Promise.reject(new Error("boom")))]);
        }).catch(() => {});
        failed.open();
        await expect(inner).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
        await world.insert(tx, 2);
        record(happened(2));
      });

      expect(refused).toEqual(["SAVEPOINT_ENDED", "SAVEPOINT_ENDED"]);
      expect(world.handled).toEqual([2]);
      expect(await world.stored()).toEqual([2]);
    });
  });
}
