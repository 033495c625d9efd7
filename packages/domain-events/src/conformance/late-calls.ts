import { describe, expect, it } from "vitest";
import { createUnitOfWork } from "../unit-of-work/unit-of-work.ts";
import { codeOf, durably, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Calls that come in the last moment, and connections that are not clean by then. */
export function describeLateCalls<Tx>(tested: TestedAdapter<Tx>): void {
  const [style] = tested.callbackStyles ?? [];

  describe("a connection that a unit opens inside another one", () => {
    it.skipIf(style === undefined)("runs its callbacks outside of that unit once the unit has ended", async () => {
      await using world = await createWorld(tested);
      await using other = await createWorld(tested);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      const running = world.unitOfWork.run(async () => {
        await unitThere.run(() => "opened");
        throw new Error("boom");
      });
      await expect(running).rejects.toThrow("boom");

      const published = unitThere.run(
        ({ tx }) =>
          new Promise((resolve) => style?.call(tx, () => void codeOf(world.bus.publish(happened(1))).then(resolve))),
      );

      expect(await published).toBe("accepted");
      expect(world.handled).toEqual([1]);
    });
  });

  describe("a call in the moment between the work and its COMMIT", () => {
    it("is recorded and published, or refused; never stored without its event", async () => {
      await using world = await createWorld(tested);
      const recorded: number[] = [];
      const end = { isReached: false };

      const running = world.unitOfWork.run(({ tx, record }) => {
        record(happened(0));
        void (async () => {
          for (let n = 1; n < 200 && !end.isReached; n += 1) {
            await Promise.resolve();
            record(happened(n));
            recorded.push(n);
            world.insert(tx, n).catch(() => {});
          }
        })().catch(() => {});
      });

      const outcome = await codeOf(running);
      end.isReached = true;
      const published = new Set(world.handled);
      expect((await world.stored()).filter((n) => !published.has(n))).toEqual([]);
      const lost = outcome === "accepted" ? recorded.filter((n) => !published.has(n)) : [];
      expect(lost).toEqual([]);
    });
  });

  describe("a connection whose transaction may be open", () => {
    it.skipIf(!tested.isOverPg).each(["commit", "rollback"])(
      "is not handed out again when the driver itself fails at %s",
      async (end) => {
        let failsNext = false;
        await using world = await createWorld(tested, {
          onClient(client) {
            const { query } = client;
            client.query = ((...args: unknown[]) => {
              const text = typeof args[0] === "string" ? args[0] : (args[0] as { text?: string }).text;
              if (!failsNext || text?.toLowerCase().startsWith(end) !== true) return Reflect.apply(query, client, args);
              failsNext = false;
              const failure = new Error("instrumentation failed");
              const callback = args.find((arg) => typeof arg === "function") as ((error: Error) => void) | undefined;
              if (!callback) return Promise.reject(failure);
              process.nextTick(callback, failure);
              return undefined;
            }) as never;
          },
        });
        await world.unitOfWork.run(() => "tried out");

        const running = world.unitOfWork.run(async ({ tx }) => {
          await world.insert(tx, 1);
          failsNext = true;
          if (end === "rollback") throw new Error("boom");
        });

        await expect(running).rejects.toThrow(/boom|unknown|could not say/i);
        await world.unitOfWork.run(({ tx }) => world.insert(tx, 2));
        expect(await world.stored()).toEqual([2]);
      },
    );
  });

  describe("a durable handler", () => {
    it("that answers with a promise is refused", async () => {
      await using world = await createWorld(tested);
      world.bus.register(Happened, { ...durably(world.store), toRequest: () => Promise.reject(new Error("boom")) });

      const running = world.unitOfWork.run(({ record }) => record(happened(1)));

      await expect(running).rejects.toMatchObject({ code: "HANDLER_INVALID" });
      expect(world.handled).toEqual([]);
    });
  });
}
