import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { createEventMap } from "@acme/domain-events/map";
import { pgTransactions } from "@acme/domain-events/pg";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineTask, perform } from "../src/index.ts";
import { drain } from "../src/testing/index.ts";
import { createTestJobs } from "./support/test-jobs.ts";

class Placed extends defineEvent("placed", props<{ order: string }>()) {}
class Shipped extends defineEvent("shipped", props<{ order: string }>()) {}

it("an event map shows what tasks publish and enqueue, beside what is registered", async () => {
  await using test = await createTestJobs();
  const payload = z.object({ order: z.string() });
  const ship = defineTask("ship", { payload });
  const print = defineTask("print", { payload });
  const bus = createEventBus();
  const unitOfWork = createUnitOfWork(pgTransactions(test.jobsPool), { bus });
  bus.register(
    Placed,
    test.jobs.durable(ship, ({ order }) => ({ order })),
  );
  bus.register(Shipped, async function printLabel({ order }) {
    await test.jobs.enqueue(print, { order });
  });
  using map = createEventMap(bus);

  await unitOfWork.run(async (unit) => unit.record(new Placed({ order: "a" })));
  const tasks = [
    perform(ship, async ({ order }) => unitOfWork.run(async (unit) => unit.record(new Shipped({ order })))),
    perform(print, () => undefined),
  ];
  await drain(test.jobs, { tasks });

  expect(map.toMermaid()).toMatchInlineSnapshot(`
    "flowchart LR
      n0(["placed"])
      n1[["ship"]]
      n2(["shipped"])
      n3["printLabel"]
      n4[["print"]]
      n0 -->|durable| n1
      n2 --> n3
      n3 --> n4
      n1 --> n2
    "
  `);
});
