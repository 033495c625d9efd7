import { createHook } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createEventBus, defineEvent, type EventBus } from "../../src/index.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Opened extends defineEvent("opened") {}

/** Bytes for each publish. */
const sparing = 400;

// Time says nothing on a busy machine: what is counted here is what makes the difference.
describe("publishing costs", () => {
  it("no promise as long as handlers return none", async () => {
    const bus = busWith(3, () => {});

    expect(await countPromises(() => void bus.publish(new Opened()))).toBe(0);
  });

  it.each([
    [1, 1],
    [3, 0],
  ])("with %d async handlers %d promises fewer than awaiting them in a bare loop", async (count, fewer) => {
    const handle = async (): Promise<void> => {};
    const bus = busWith(count, handle);
    const awaitEach = async (): Promise<void> => {
      for (let left = count; left > 0; left -= 1) await handle();
    };

    const bare = await countPromises(awaitEach);

    expect(await countPromises(() => bus.publish(new Opened()))).toBeLessThanOrEqual(bare - fewer);
  });

  it.each(["off", "removeListener", "removeAllListeners"] as const)(
    "nothing for listeners that %s has removed",
    (method) => {
      const bus = busWith(1, () => {});
      const listen = (): void => {};
      bus.lifecycle.on("handler:succeeded", listen);
      expect(bytesPerPublish(bus)).toBeGreaterThan(sparing);

      bus.lifecycle[method]("handler:succeeded", listen);

      expect(bytesPerPublish(bus)).toBeLessThan(sparing);
    },
  );

  it("a few hundred bytes for synchronous handlers, however many there are", () => {
    const one = bytesPerPublish(busWith(1, () => {}));
    const many = bytesPerPublish(busWith(30, () => {}));
    expect(one).toBeLessThan(sparing);
    expect(many - one).toBeLessThan(100);
  });
});

it("a registered handler takes little more memory than its place in a list", () => {
  const classes = Array.from(
    { length: 50 },
    () =>
      class {
        readonly isOpen = true;
      },
  );
  const handlers = Array.from({ length: 1_000 }, () => () => {});
  const fill = (): EventBus => {
    const bus = createEventBus({ logger: keepLog() });
    handlers.forEach((handler, index) => bus.register(classes[index % 50] as (typeof classes)[0], handler));
    for (const Happened of classes) void bus.publish(new Happened());
    return bus;
  };
  const collectGarbage = exposeGarbageCollection();
  // Its code is no part of a handler.
  fill();
  collectGarbage();

  const kept: EventBus[] = [];
  const used = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed;
    kept.push(fill());
    collectGarbage();
    return process.memoryUsage().heapUsed - before;
  });

  // Now and then the engine makes something of its own meanwhile: the median has none of it.
  const median = used.toSorted((one, other) => one - other)[2] ?? NaN;
  expect(median / handlers.length).toBeLessThan(60);
  expect(kept).toHaveLength(5);
});

function busWith(count: number, handle: () => unknown): EventBus {
  const bus = createEventBus({ logger: keepLog() });
  for (let left = count; left > 0; left -= 1) bus.register(Opened, handle);
  return bus;
}

async function countPromises(run: () => unknown): Promise<number> {
  await run();
  let count = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === "PROMISE") count += 1;
    },
  });
  hook.enable();
  const outcome = run();
  if (!outcome) hook.disable();
  await outcome;
  hook.disable();
  return count;
}

function bytesPerPublish(bus: EventBus): number {
  const event = new Opened();
  const publishes = 500;
  const run = (): number => {
    const before = process.memoryUsage().heapUsed;
    for (let left = publishes; left > 0; left -= 1) void bus.publish(event);
    return (process.memoryUsage().heapUsed - before) / publishes;
  };
  run();
  // Garbage is collected in some of them.
  const runs = Array.from({ length: 21 }, run).toSorted((a, b) => a - b);
  return runs[10] ?? Number.NaN;
}

function exposeGarbageCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
