import { afterEach, expect, it, vi } from "vitest";
import { AggregateRoot, createEventBus, defineEvent, props } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";

class Counted extends defineEvent("counted", props<{ n: number }>()) {}

class Counter extends AggregateRoot<Counted> {
  count(n: number): void {
    this.record(new Counted({ n }));
  }
}

/** One that has a buffer of its own beside the one of its base. */
class Composite extends Counter {
  override pullEvents(): Counted[] {
    return super.pullEvents();
  }
}

afterEach(() => vi.restoreAllMocks());

it("collects from sources that cannot tell once, however many events there are", async () => {
  const bus = createEventBus();
  let handledCount = 0;
  bus.register(Counted, () => void (handledCount += 1));
  const pulled = vi.spyOn(Composite.prototype, "pullEvents");

  await createMemoryUnitOfWork({ bus }).run(({ track }) => {
    for (let n = 0; n < 10_000; n += 1) track(new Composite()).count(n);
  });

  expect(handledCount).toBe(10_000);
  expect(pulled).toHaveBeenCalledTimes(10_000);
});

it("collects a million events of a hundred thousand aggregates in one unit", async () => {
  const bus = createEventBus();
  let handledCount = 0;
  bus.register(Counted, () => void (handledCount += 1));
  const unitOfWork = createMemoryUnitOfWork({ bus });
  const pulled = vi.spyOn(AggregateRoot.prototype, "pullEvents");

  await unitOfWork.run(({ track, record }) => {
    for (let index = 0; index < 100_000; index += 1) {
      const counter = track(new Counter());
      for (let n = 0; n < 9; n += 1) counter.count(n);
      record(new Counted({ n: -1 }));
    }
  });

  expect(handledCount).toBe(1_000_000);
  // Each once, however much was recorded beside it.
  expect(pulled).toHaveBeenCalledTimes(100_000);
});

it("asks an aggregate again only when it has recorded, however many savepoints there are", async () => {
  const bus = createEventBus();
  const unitOfWork = createMemoryUnitOfWork({ bus });
  const pulled = vi.spyOn(AggregateRoot.prototype, "pullEvents");

  await unitOfWork.run(async ({ savepoint }) => {
    for (let n = 0; n < 2_000; n += 1) await savepoint(({ track }) => track(new Counter()).count(n));
  });

  expect(pulled).toHaveBeenCalledTimes(2_000);
});

it("takes more events in one savepoint than fit on a stack", async () => {
  const bus = createEventBus();
  let handledCount = 0;
  bus.register(Counted, () => void (handledCount += 1));
  const counter = new Counter();

  await createMemoryUnitOfWork({ bus }).run(({ savepoint }) =>
    savepoint(({ track, record }) => {
      track(counter);
      for (let n = 0; n < 150_000; n += 1) {
        counter.count(n);
        record(new Counted({ n }));
      }
    }),
  );

  expect(handledCount).toBe(300_000);
});

it("keeps events of sources that cannot tell, and events without an id, in an order", async () => {
  class Plain {
    readonly n: number;
    constructor(n: number) {
      this.n = n;
    }
  }
  const bus = createEventBus();
  const seen: number[] = [];
  bus.register(Plain, ({ n }) => void seen.push(n));
  bus.register(Counted, ({ n }) => void seen.push(n));
  let pending: object[] = [];
  const source = {
    pullEvents() {
      const pulled = pending;
      pending = [];
      return pulled;
    },
  };

  await createMemoryUnitOfWork({ bus }).run(async ({ track, record, savepoint }) => {
    track(source);
    pending.push(new Plain(1), new Counted({ n: 2 }), new Plain(3));
    record(new Counted({ n: 4 }));
    await savepoint(() => {});
    record(new Plain(5));
    pending.push(new Counted({ n: 6 }), new Plain(7));
  });

  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
