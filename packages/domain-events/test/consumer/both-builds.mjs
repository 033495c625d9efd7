// Loads the ESM and the CJS build into one process, as an application with mixed dependencies does.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as esm from "@acme/domain-events";
import { createMemoryUnitOfWork } from "@acme/domain-events/testing";

const require = createRequire(import.meta.url);
const cjs = require("@acme/domain-events");
const cjsTesting = require("@acme/domain-events/testing");

assert.notEqual(esm.createEventBus, cjs.createEventBus, "these are two builds");
assert.equal(esm.defaultBus, cjs.defaultBus);
assert.equal(esm.DomainEvent, cjs.DomainEvent);

class FromEsm extends esm.defineEvent("from-esm") {}
class FromCjs extends cjs.defineEvent("from-cjs") {}
const seen = [];
cjs.register(FromEsm, (event) => seen.push(event.type));
esm.register(FromCjs, (event) => seen.push(event.type));
cjs.register(esm.DomainEvent, (event) => seen.push(`any ${event.type}`));

await esm.publish(new FromEsm());
await esm.publish(new FromCjs());
assert.deepEqual(seen.splice(0), ["from-esm", "any from-esm", "from-cjs", "any from-cjs"]);

// A unit of one build, publishing through the other: still recorded, still after the commit.
for (const [unitOfWork, publish] of [
  [createMemoryUnitOfWork(), cjs.publish],
  [cjsTesting.createMemoryUnitOfWork(), esm.publish],
]) {
  await unitOfWork.run(async () => {
    await publish(new FromEsm());
    assert.deepEqual(seen, []);
  });
  assert.deepEqual(seen.splice(0), ["from-esm", "any from-esm"]);
}

// Own buses of either build serve units of the other.
const bus = cjs.createEventBus({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
bus.register(FromEsm, () => Promise.reject(new Error("boom")));
const failing = createMemoryUnitOfWork({ bus, onHandlerError: "throw" }).run(({ record }) => record(new FromEsm()));
await assert.rejects(failing, { code: "HANDLERS_FAILED", committed: true });

const ids = Array.from({ length: 1000 }, (_, index) => new (index % 2 ? FromEsm : FromCjs)().eventId);
assert.deepEqual(ids, ids.toSorted());

// The module of an event that was loaded twice is an error, not silence.
class FromEsmAgain extends cjs.defineEvent("from-esm") {}
await assert.rejects(esm.publish(new FromEsmAgain()), { code: "EVENT_NAME_TAKEN" });

// What one build has set, the other reads.
cjs.withCorrelation({ requestId: "r" }, () => {
  esm.withCorrelation({ eventType: "from-esm", eventId: "7" }, () => {
    assert.deepEqual(cjs.currentCorrelation(), { requestId: "r", eventType: "from-esm", eventId: "7" });
  });
});
assert.deepEqual(esm.currentCorrelation(), {});

process.stdout.write("both builds share one bus\n");
