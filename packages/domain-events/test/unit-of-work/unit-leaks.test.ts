import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { AggregateRoot, createEventBus } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

class Order extends AggregateRoot {}

it("keeps nothing of the units before when each one schedules the next", async () => {
  const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
  const orders: WeakRef<Order>[] = [];

  await new Promise<void>((resolve, reject) => {
    const next = (left: number): void => {
      const running = unitOfWork.run(({ track }) => {
        orders.push(new WeakRef(track(new Order())));
        setImmediate(() => (left > 0 ? next(left - 1) : resolve()));
      });
      running.catch(reject);
    };
    next(50);
  });

  await expect
    .poll(() => {
      collectGarbage();
      return orders.filter((order) => order.deref()).length;
    })
    .toBeLessThan(5);
});

it("lets go of its aggregates and its transaction, whoever keeps its context", async () => {
  const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
  let order: WeakRef<Order> | undefined;
  const kept = await unitOfWork.run((context) => {
    order = new WeakRef(context.track(new Order()));
    return context;
  });

  await expect
    .poll(() => {
      collectGarbage();
      return order?.deref() === undefined;
    })
    .toBe(true);
  expect(() => kept.record({})).toThrow(/ended/);
});
