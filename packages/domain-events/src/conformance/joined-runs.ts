import { describe, expect, it } from "vitest";
import { createUnitOfWork } from "../unit-of-work/unit-of-work.ts";
import { happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** A run inside a run takes part in it. */
export function describeJoinedRuns<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a run inside a run", () => {
    it("joins it, even on a pool of one", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await world.unitOfWork.run(async (inner) => {
          expect(inner.tx).toBe(tx);
          inner.record(happened(2));
          await world.insert(inner.tx, 2);
        });
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1, 2]);
      expect(await world.stored()).toEqual([2]);
    });

    it("rolls the whole unit back when it rejects, even if the error is swallowed", async () => {
      await using world = await createWorld(tested);
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        await world.unitOfWork.run(() => Promise.reject(boom)).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: boom });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("rolls back only the savepoint it has joined", async () => {
      await using world = await createWorld(tested);
      const boom = new Error("boom");

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async (inner) => {
          inner.record(happened(1));
          await world.insert(tx, 1);
          await world.unitOfWork.run(() => Promise.reject(boom)).catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "SAVEPOINT_DOOMED", cause: boom });
        record(happened(2));
      });

      expect(world.handled).toEqual([2]);
      expect(await world.stored()).toEqual([]);
    });

    it("may run twice at the same time", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(() =>
        Promise.all(
          [1, 2].map((n) =>
            world.unitOfWork.run(async ({ tx, record }) => {
              await world.insert(tx, n);
              record(happened(n));
            }),
          ),
        ),
      );

      expect(world.handled).toEqual([1, 2]);
      expect(await world.stored()).toEqual([1, 2]);
    });

    it("refuses options of its own, and a key", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ savepoint }) => {
        const joined = { code: "JOINED_OPTIONS" };
        for (const options of [{ isolation: "serializable" as const }, { retry: { attempts: 1 } }]) {
          await expect(world.unitOfWork.run(() => {}, options)).rejects.toMatchObject(joined);
        }
        await savepoint(async () => {
          await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject(joined);
        });
      });
    });

    it("takes a signal of its own, which rolls back the whole unit when it is aborted", async () => {
      await using world = await createWorld(tested);
      const reason = new Error("too late");

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        await world.unitOfWork.run(() => {}, {});
        await world.unitOfWork.run(() => {}, { signal: new AbortController().signal, isolation: undefined });
        await world.unitOfWork.run(() => {}, { signal: AbortSignal.abort(reason) }).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: reason });
      expect(await world.stored()).toEqual([]);
    });

    it("is independent on another database, also when both publish on one bus", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(async ({ record }) => {
        record(happened(1));
        await unitThere.run(async ({ tx }) => {
          await other.insert(tx, 2);
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
      expect(await other.stored()).toEqual([2]);
    });

    it("is independent on another bus, and may join from there", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ record }) => {
        record(happened(1));
        await other.unitOfWork.run(async ({ tx, record: recordThere }) => {
          await other.insert(tx, 2);
          recordThere(happened(2));
          await world.unitOfWork.run((joined) => joined.record(happened(3)));
        });
        expect(other.handled).toEqual([2]);
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
      expect(await other.stored()).toEqual([2]);
    });
  });
}
