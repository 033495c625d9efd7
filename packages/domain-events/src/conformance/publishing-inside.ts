import type { DurableTransaction } from "@acme/shared/durable-handler";
import { describe, expect, it } from "vitest";
import type { UnitContext } from "../unit-of-work/unit-context.ts";
import { Counter, durably, gate, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What is published inside a unit, and what comes when it has ended. */
export function describePublishingInside<Tx>(tested: TestedAdapter<Tx>): void {
  describe("publishing inside a unit", () => {
    it("means recording, in the scope that is open", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork.run(async ({ savepoint }) => {
        await world.bus.publish(happened(1));
        await savepoint(async () => {
          await world.bus.publishAll([happened(2)]);
          throw new Error("boom");
        }).catch(() => {});
        await world.bus.publishAll([happened(3), happened(4)]);
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1, 3, 4]);
    });

    it("publishes nothing when the unit rolls back", async () => {
      await using world = await createWorld(tested);

      await world.unitOfWork
        .run(async () => {
          await world.bus.publish(happened(1));
          throw new Error("boom");
        })
        .catch(() => {});

      expect(world.handled).toEqual([]);
    });

    it("is outside for code that outlives the unit", async () => {
      await using world = await createWorld(tested);
      const { opened, open } = gate();
      let detached: Promise<void> | undefined;

      await world.unitOfWork.run(() => {
        detached = opened.then(() => world.bus.publish(happened(1)));
      });
      open();
      await detached;

      expect(world.handled).toEqual([1]);
    });

    it("is refused while the unit commits", async () => {
      await using world = await createWorld(tested);
      const reply = world.proxy.holdCommitReply();
      let detached: Promise<void> | undefined;

      await world.unitOfWork.run(({ record }) => {
        record(happened(1));
        detached = reply.held.then(() => world.bus.publish(happened(2))).finally(reply.release);
        detached.catch(() => {});
      });

      await expect(detached).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect(world.handled).toEqual([1]);
    });
  });

  describe("a unit that has ended", () => {
    it("refuses recording, tracking, savepoints and statements, whether it committed or not", async () => {
      await using world = await createWorld(tested);
      const ended = { code: "UNIT_ENDED" };
      for (const fail of [false, true]) {
        let kept: UnitContext<Tx> | undefined;
        await world.unitOfWork
          .run((context) => {
            kept = context;
            if (fail) throw new Error("boom");
          })
          .catch(() => {});

        const { tx, record, track, savepoint } = kept!;
        expect(() => record(happened(1))).toThrow(expect.objectContaining(ended));
        expect(() => track(new Counter())).toThrow(expect.objectContaining(ended));
        await expect(savepoint(() => {})).rejects.toMatchObject(ended);
        await expect(world.insert(tx, 1)).rejects.toThrow(/ended|already complete/);
      }
    });

    it.skipIf(!tested.queryCalling)(
      "reports a refusal in the style in which the statement was sent, and leaves no unhandled rejection",
      async () => {
        await using world = await createWorld(tested);
        let kept: UnitContext<Tx> | undefined;
        await world.unitOfWork.run((context) => void (kept = context));

        const late = new Promise((resolve) => tested.queryCalling?.(kept!.tx, "select 1", resolve));

        expect(String(await late)).toMatch(/ended|already complete/);
      },
    );

    it("refuses statements of a durable store that was not awaited, since the connection belongs to other code by then", async () => {
      await using world = await createWorld(tested);
      let dangling: DurableTransaction | undefined;
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(_requests, transaction) {
            dangling = transaction;
            return undefined;
          },
        },
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      await expect(dangling?.query("select 1", [])).rejects.toMatchObject({ code: "UNIT_ENDED" });
    });
  });
}
