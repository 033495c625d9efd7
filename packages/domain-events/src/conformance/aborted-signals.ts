import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { gate, happened } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** A signal ends a unit, and the wait for it. */
export function describeAbortedSignals<Tx>(tested: TestedAdapter<Tx>): void {
  describe("an aborted signal", () => {
    it("rolls back before COMMIT, with the signal's reason", async () => {
      await using world = await createWorld(tested);
      const controller = new AbortController();
      const reason = new Error("too late");

      const running = world.unitOfWork.run(
        async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
          controller.abort(reason);
        },
        { signal: controller.signal },
      );

      await expect(running).rejects.toBe(reason);
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("ends the wait for a connection at once, runs no work, and gives the connection back when it comes", async () => {
      await using world = await createWorld(tested);
      await world.unitOfWork.run(() => "tried out");
      const { opened, open } = gate();
      const controller = new AbortController();
      let ran = false;
      const first = world.unitOfWork.run(() => opened);
      const second = world.unitOfWork.run(() => (ran = true), { signal: controller.signal });

      controller.abort(new Error("too late"));

      await expect(second).rejects.toThrow("too late");
      open();
      await first;
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      await eventually(() => world.inUseCount()).toBe(0);
      expect(ran).toBe(false);
    });

    it("rolls back also when it comes while the guard waits", async () => {
      const controller = new AbortController();
      await using world = await createWorld(tested, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            return {
              ...transaction,
              pipelineCommit: () => undefined,
              async query(text, values) {
                const answer = await transaction.query(text, values);
                if (options.watch && text.includes("as proof")) controller.abort(new Error("too late"));
                return answer;
              },
            };
          },
        }),
      });

      const running = world.unitOfWork.run(
        async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
        },
        { signal: controller.signal },
      );

      await expect(running).rejects.toThrow("too late");
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("may be shared by many units, which add one listener and remove it when they have ended", async () => {
      await using world = await createWorld(tested, { max: 2 });
      const { signal } = new AbortController();
      const { opened, open } = gate();
      const running = Promise.all(Array.from({ length: 30 }, () => world.unitOfWork.run(() => opened, { signal })));

      await eventually(() => world.inUseCount()).toBe(2);
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      open();
      await running;
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    });

    it("begins no transaction if it was aborted before", async () => {
      await using world = await createWorld(tested);
      let ran = false;

      const running = world.unitOfWork.run(() => (ran = true), { signal: AbortSignal.abort(new Error("never")) });

      await expect(running).rejects.toThrow("never");
      expect(ran).toBe(false);
    });
  });
}
