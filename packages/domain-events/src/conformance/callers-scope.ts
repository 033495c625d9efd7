import { AsyncResource } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { Counter, durably, gate, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Which scope a call belongs to is said by who calls, not by what happens to be open. */
export function describeCallersScope<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a run() or publish() beside an open savepoint", () => {
    it("is refused, so its rows and events are not lost with the savepoint", async () => {
      await using world = await createWorld(tested);
      const [inside, tried] = [gate(), gate()];
      const open = { code: "SAVEPOINT_OPEN" };

      await world.unitOfWork.run(async ({ savepoint }) => {
        const part = savepoint(async () => {
          inside.open();
          await tried.opened;
          throw new Error("boom");
        });
        await inside.opened;
        await expect(world.unitOfWork.run(({ record }) => record(happened(1)))).rejects.toMatchObject(open);
        await expect(world.bus.publish(happened(2))).rejects.toMatchObject(open);
        tried.open();
        await part.catch(() => {});
        await world.unitOfWork.run(({ record }) => record(happened(3)));
      });

      expect(world.handled).toEqual([3]);
    });

    it("that is not awaited rolls the unit back, since a part of it would be outside", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      let joined: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        joined = world.unitOfWork.run(async () => {
          await opened;
          await world.insert(tx, 2);
        });
        joined.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "RUN_OPEN" });
      open();
      await expect(joined).rejects.toThrow(/ended|already complete/);
      expect(await world.stored()).toEqual([]);
    });
  });

  describe("a call that comes while durable rows are being written", () => {
    it("is refused, whatever it is", async () => {
      await using world = await createWorld(tested);
      const refused: unknown[] = [];
      let callLate = async (): Promise<void> => {};
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(requests, transaction) {
            const receipt = await world.store.write(requests, transaction);
            await callLate();
            return receipt;
          },
        },
      });

      await world.unitOfWork.run((context) => {
        context.record(happened(1));
        const late = [
          () => context.record(happened(2)),
          () => context.track(new Counter()),
          () => context.savepoint(() => {}),
          () => world.bus.publish(happened(3)),
          () => world.unitOfWork.run(({ record }) => record(happened(4))),
        ];
        callLate = AsyncResource.bind(async () => {
          for (const call of late) {
            await (async () => call())().catch((error: { code: string }) => refused.push(error.code));
          }
        });
      });

      expect(refused).toEqual(Array.from({ length: 5 }, () => "UNIT_ENDED"));
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([]);
    });

    it("rolls the unit back if it is a statement, since recorded events may be about its rows", async () => {
      await using world = await createWorld(tested);
      let sendLate = async (): Promise<unknown> => undefined;
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(requests, transaction) {
            await world.store.write(requests, transaction);
            await sendLate().catch(() => {});
            return undefined;
          },
        },
      });

      const running = world.unitOfWork.run(({ tx, record }) => {
        record(happened(1));
        sendLate = AsyncResource.bind(async () => world.insert(tx, 1));
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "UNIT_ENDED" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored("durable_rows")).toEqual([]);
    });

    it("rolls the unit back when it is a durable handler that publishes instead of returning a request", async () => {
      await using world = await createWorld(tested);
      world.bus.register(Happened, {
        ...durably(world.store),
        toRequest: ({ n }) => {
          if (n === 1) void world.bus.publish(happened(2)).catch(() => {});
          return n;
        },
      });
      let refusal: unknown;
      world.bus.register(Happened, {
        ...durably(world.store),
        toRequest: ({ n }) => {
          refusal = world.bus.publish(happened(2)).then(
            () => "published",
            (error: { code: string }) => error.code,
          );
          return n;
        },
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(await refusal).toBe("UNIT_ENDED");
      expect(world.handled).toEqual([1]);
    });
  });
}
