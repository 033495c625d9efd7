// The built package on whichever Node runs this, without anything else: `node --test` with the oldest Node it promises.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { it } from "node:test";
import { createEventBus, defineEvent, props, publish, register } from "../dist/index.js";
import { createMemoryUnitOfWork, recordEvents } from "../dist/testing.js";

class OrderPlaced extends defineEvent("order.placed", props()) {}

void it("publishes what a unit of work has recorded, and nothing of a savepoint that rolled back", async () => {
  const bus = createEventBus();
  const recorder = recordEvents(bus);
  const unitOfWork = createMemoryUnitOfWork({ bus });

  await unitOfWork.run(async ({ record, savepoint }) => {
    record(new OrderPlaced({ orderId: 1 }));
    await savepoint(async (inner) => {
      inner.record(new OrderPlaced({ orderId: 2 }));
      throw new Error("undo");
    }).catch(() => undefined);
  });

  assert.deepEqual(
    recorder.events.map(({ orderId }) => orderId),
    [1],
  );
});

void it("shares the default bus between the ESM and the CJS build", async () => {
  const seen = [];
  register(OrderPlaced, ({ orderId }) => seen.push(orderId));
  const { publish: publishFromCommonJs } = createRequire(import.meta.url)("../dist/index.cjs");

  await publish(new OrderPlaced({ orderId: 1 }));
  await publishFromCommonJs(new OrderPlaced({ orderId: 2 }));

  assert.deepEqual(seen, [1, 2]);
});
