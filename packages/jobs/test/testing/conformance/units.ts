import { defineEvent, props } from "@acme/domain-events";
import { expect, it } from "vitest";
import { assertEnqueued, drain, enqueued } from "../../../src/testing/index.ts";
import { bill, broken, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}

const payloads = async ({ jobs }: World) => (await enqueued(jobs, bill)).map(({ payload }) => payload.n);

export function unitCases(world: () => World): void {
  it("a job belongs to its unit: it is there after the commit, and seen before only through the unit", async () => {
    const { jobs, unitOfWork } = world();

    await unitOfWork.run(async (unit) => {
      await jobs.enqueue(bill, { n: 1 }, { tx: unit });
      expect(await enqueued(jobs)).toEqual([]);
      expect(await enqueued(jobs, { tx: unit })).toHaveLength(1);
      await assertEnqueued(jobs, bill, { payload: { n: 1 }, tx: unit });
    });

    expect(await payloads(world())).toEqual([1]);
  });

  it("a job is gone with the unit or the savepoint that was rolled back", async () => {
    const { jobs, unitOfWork } = world();
    const undone = unitOfWork.run(async (unit) => {
      await jobs.enqueue(bill, { n: 1 }, { tx: unit });
      broken();
    });
    await expect(undone).rejects.toThrow("broken");

    await unitOfWork.run(async (unit) => {
      await jobs.enqueue(bill, { n: 2 }, { tx: unit });
      await unit.savepoint((inside) => jobs.enqueue(bill, { n: 3 }, { tx: inside }));
      const part = unit.savepoint(async (inside) => {
        await inside.savepoint((deeper) => jobs.enqueue(bill, { n: 4 }, { tx: deeper }));
        await jobs.enqueue(bill, { n: 5 }, { tx: inside });
        broken();
      });
      await expect(part).rejects.toThrow("broken");
      await unitOfWork.run((joined) => jobs.enqueue(bill, { n: 6 }, { tx: joined }));
    });

    expect(await payloads(world())).toEqual([2, 3, 6]);
  });

  it("a key replaces only when the unit commits", async () => {
    const { jobs, unitOfWork } = world();
    await jobs.enqueue(bill, { n: 1 }, { key: "k" });

    const undone = unitOfWork.run(async (unit) => {
      await jobs.enqueue(bill, { n: 2 }, { key: "k", tx: unit });
      expect(await enqueued(jobs, bill, { tx: unit })).toMatchObject([{ payload: { n: 2 } }]);
      broken();
    });
    await expect(undone).rejects.toThrow("broken");
    expect(await payloads(world())).toEqual([1]);

    await unitOfWork.run((unit) => jobs.enqueue(bill, { n: 3 }, { key: "k", tx: unit }));
    expect(await payloads(world())).toEqual([3]);
  });

  it("durable handlers enqueue when the unit commits, in the order of the events", async () => {
    const { jobs, bus, unitOfWork } = world();
    bus.register(
      OrderPlaced,
      jobs.durable(bill, ({ orderId }) => ({ n: orderId })),
    );
    bus.register(
      OrderPlaced,
      jobs.durable(
        bill,
        ({ orderId }) => ({ n: -orderId }),
        ({ orderId }) => ({ priority: orderId, queue: "q" }),
      ),
    );

    await unitOfWork.run(({ record }) => {
      record(new OrderPlaced({ orderId: 1 }));
      record(new OrderPlaced({ orderId: 2 }));
    });
    const undone = unitOfWork.run(({ record }) => {
      record(new OrderPlaced({ orderId: 3 }));
      broken();
    });
    await expect(undone).rejects.toThrow("broken");

    expect(await payloads(world())).toEqual([1, -1, 2, -2]);
    expect((await enqueued(jobs)).at(-1)).toMatchObject({ priority: 2, queue: "q" });
    await bus.publish(new OrderPlaced({ orderId: 4 }));
    expect(await payloads(world())).toEqual([1, -1, 2, -2, 4, -4]);
  });

  it("a durable handler whose payload does not fit rolls the unit back", async () => {
    const { jobs, bus, unitOfWork } = world();
    bus.register(
      OrderPlaced,
      jobs.durable(bill, () => ({ n: "x" as never })),
    );

    const undone = unitOfWork.run(async (unit) => {
      await jobs.enqueue(bill, { n: 1 }, { tx: unit });
      unit.record(new OrderPlaced({ orderId: 1 }));
    });

    await expect(undone).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("the code of a job has units of its own, which enqueue what follows", async () => {
    const { jobs, unitOfWork } = world();
    const ran: number[] = [];
    await jobs.enqueue(bill, { n: 2 });
    const next = (n: number) =>
      unitOfWork.run(async (unit) => {
        if (n > 0) await jobs.enqueue(bill, { n: n - 1 }, { tx: unit });
      });

    await drain(jobs, { tasks: [performBill(ran, next)] });

    expect(ran).toEqual([2, 1, 0]);
  });

  it("runOnce runs the effects of a job once, also after a retry", async () => {
    const { jobs, unitOfWork } = world();
    const effects: string[] = [];
    const pay = async (_: number, { idempotencyKey, attempt }: { idempotencyKey: string; attempt: number }) => {
      await unitOfWork.runOnce(idempotencyKey, () => void effects.push(idempotencyKey));
      if (attempt === 1) broken();
    };
    const id = await jobs.enqueue(bill, { n: 1 });

    await drain(jobs, { tasks: [performBill([], pay)] });

    expect(effects).toEqual([id]);
  });

  it("refuses a unit that is over", async () => {
    const { jobs, unitOfWork } = world();
    const leaked = await unitOfWork.run((unit) => unit);

    await expect(jobs.enqueue(bill, { n: 1 }, { tx: leaked })).rejects.toMatchObject({ code: "UNIT_ENDED" });
    expect(await enqueued(jobs)).toEqual([]);
  });
}
