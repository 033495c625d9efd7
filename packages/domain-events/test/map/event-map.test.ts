import { expect, it } from "vitest";
import { beforeCommit, createEventBus, defineEvent, DomainEvent, props } from "../../src/index.ts";
import { createEventMap, type MapEdge } from "../../src/map.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";

class Placed extends defineEvent("Placed", props<{ order: string }>()) {}
class Paid extends defineEvent("Paid", props<{ order: string }>()) {}
class Shipped extends defineEvent("Shipped", props<{ order: string }>()) {}

const arrows = (edges: readonly MapEdge[]) =>
  edges.map(({ from, to, delivery, isRegistered }) =>
    [from.name, isRegistered ? "-" : "~", delivery ?? "", isRegistered ? "->" : "~>", to.name].filter(Boolean).join(""),
  );

it("shows which handlers an event has, and how it is delivered to each", () => {
  const bus = createEventBus<undefined>();
  bus.register(Placed, function audit() {});
  bus.register(
    Placed,
    beforeCommit(function reserve() {}),
  );
  bus.register(Placed, {
    delivery: "durable",
    name: "durable(sendReceipt)",
    task: "sendReceipt",
    store: { write: async () => undefined, wake: () => undefined },
    toRequest: () => undefined,
  });
  bus.register(DomainEvent, function log() {});
  using map = createEventMap(bus);

  expect(arrows(map.edges())).toEqual([
    "DomainEvent-->log",
    "Placed-->audit",
    "Placed-beforeCommit->reserve",
    "Placed-durable->sendReceipt",
  ]);

  bus.clearHandlers();
  expect(map.edges()).toEqual([]);
});

it("shows what was seen to follow from a handler, whichever way it published", async () => {
  const bus = createEventBus<undefined>();
  const unitOfWork = createMemoryUnitOfWork({ bus });
  bus.register(Placed, (event, { record }) => record(new Paid({ order: event.order })));
  bus.register(Paid, async function ship({ order }) {
    await unitOfWork.run(async (unit) => unit.record(new Shipped({ order })));
  });
  bus.register(
    Shipped,
    beforeCommit(function close(event, { record }) {
      if (event.order === "last") record(new Paid({ order: "rest" }));
    }),
  );
  using map = createEventMap(bus);
  expect(map.edges().every(({ isRegistered }) => isRegistered)).toBe(true);

  await bus.publish(new Placed({ order: "a" }));

  expect(arrows(map.edges())).toEqual([
    "Paid-->ship",
    "Placed-->anonymous handler",
    "Shipped-beforeCommit->close",
    "anonymous handler~~>Paid",
    "ship~~>Shipped",
  ]);
});

it("observes only until it is stopped, and not what stands on its own", async () => {
  const bus = createEventBus<undefined>();
  bus.register(Placed, function pay(event, { record }) {
    record(new Paid({ order: event.order }));
  });
  const map = createEventMap(bus);
  await bus.publish(new Shipped({ order: "a" }));
  map.stop();
  await bus.publish(new Placed({ order: "a" }));

  expect(arrows(map.edges())).toEqual(["Placed-->pay"]);
});

it("draws Mermaid and SVG in which no name is more than text", () => {
  const bus = createEventBus<undefined>();
  const name = '"]; click <script>&';
  bus.register(
    Placed,
    Object.defineProperty(() => undefined, "name", { value: name }),
  );
  using map = createEventMap(bus);

  expect(map.toMermaid()).toMatchInlineSnapshot(`
    "flowchart LR
      n0(["Placed"])
      n1["#34;#93;#59; click #60;script#62;#38;"]
      n0 --> n1
    "
  `);
  expect(map.toSvg()).toContain(`>"]; click &lt;script&gt;&amp;</text>`);
  expect(map.toSvg().match(/<rect /g)).toHaveLength(2);
  expect(createEventMap(createEventBus()).toMermaid()).toBe("flowchart LR\n");
  expect(createEventMap(createEventBus()).toSvg()).toContain("</svg>");
});
