import { defineEvent, type EventBus } from "@acme/domain-events";
import type { PerformableTask } from "@acme/jobs";
import { drain } from "@acme/jobs/testing";
import { Injectable, Scope } from "@nestjs/common";
import { describe, expect, it } from "vitest";
import { EVENT_BUS, HandleEvent, JOBS, TASKS } from "../src/index.ts";
import { createOrderApp, listen } from "./support/order-app.ts";
import { post } from "./support/post-order.ts";
import { OrderPlaced, Receipts, sendReceipt } from "./support/orders.ts";

class Opened extends defineEvent("shop.opened") {}
@Injectable()
class Doorkeeper {
  openings = 0;
  @HandleEvent(Opened)
  open() {
    this.openings += 1;
  }
}

@Injectable()
class Standing {
  readonly seen: number[] = [];
  @HandleEvent(OrderPlaced)
  see({ orderId }: OrderPlaced) {
    this.seen.push(orderId);
  }
}
class Inheriting extends Standing {}
class Overriding extends Standing {
  override see() {}
}
@Injectable({ scope: Scope.REQUEST })
class PerRequest extends Standing {}
@Injectable({ scope: Scope.TRANSIENT })
class PerConsumer extends Standing {}

describe("the module", () => {
  it("delivers an event after the commit, inside the transaction and as a job", async () => {
    await using test = await createOrderApp();
    const url = await listen(test.app);

    const response = await post(url, { orderId: 7 }, { "x-request-id": "req-7" });

    expect(response.status).toBe(201);
    expect(await test.count("audit")).toBe(1);
    await expect.poll(() => test.told).toContain("sent 7");
    expect(test.told.toSorted()).toEqual(["announced 7", "sending 7 for req-7, order.placed", "sent 7"]);
  });

  it("leaves no row, no job and no word of a unit that rolled back", async () => {
    await using test = await createOrderApp({ acme: { worker: false } });
    const url = await listen(test.app);

    expect((await post(url, { orderId: -1 })).status).toBe(500);

    expect([await test.count("orders"), await test.count("audit"), await test.jobs(), test.told]).toEqual([
      0,
      0,
      [],
      [],
    ]);
  });

  it("leaves the jobs to other processes without a worker, and knows their tasks", async () => {
    await using test = await createOrderApp({ acme: { worker: false } });
    const url = await listen(test.app);

    await post(url, { orderId: 1 }, { "x-request-id": "one" });
    expect(await test.jobs()).toMatchObject([{ task: "send_receipt", locked_at: null }]);

    const tasks = test.app.get<PerformableTask[]>(TASKS);
    expect(tasks.map(({ task }) => task)).toEqual([sendReceipt]);
    await drain(test.app.get(JOBS), { tasks });
    expect(test.told).toEqual(["announced 1", "sending 1 for one, order.placed", "sent 1"]);
  });

  it("gives a request an id of its own if the given one does not fit, and the job the same", async () => {
    await using test = await createOrderApp();
    const url = await listen(test.app);

    const response = await post(url, { orderId: 2 }, { "x-request-id": "a b" });

    const id = response.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await expect.poll(() => test.told).toContain(`sending 2 for ${id}, order.placed`);
  });

  it("handles events that other modules publish in their onModuleInit", async () => {
    class EarlyModule {}
    const announceOpening = (bus: EventBus) => ({ onModuleInit: () => bus.publish(new Opened()) });
    const early = { provide: "early", inject: [EVENT_BUS], useFactory: announceOpening };
    await using test = await createOrderApp({
      acme: { worker: false },
      more: { imports: [{ module: EarlyModule, providers: [early] }], providers: [Doorkeeper] },
    });

    await test.app.init();

    expect(test.app.get(Doorkeeper).openings).toBe(1);
  });

  it("finds inherited methods once, and none that is overridden", async () => {
    await using test = await createOrderApp({
      acme: { worker: false },
      more: { providers: [Inheriting, Overriding, { provide: "alias", useExisting: Inheriting }] },
    });
    const url = await listen(test.app);

    await post(url, { orderId: 5 });

    expect(test.app.get(Inheriting).seen).toEqual([5]);
    expect(test.app.get(Overriding).seen).toEqual([]);
  });

  it.each([PerRequest, PerConsumer])("refuses handlers in a provider of another scope: %o", async (provider) => {
    await using test = await createOrderApp({ more: { providers: [provider] } });

    await expect(test.app.init()).rejects.toMatchObject({
      code: "HANDLER_INVALID",
      message: expect.stringContaining(`${provider.name}.see`),
    });
  });

  it("refuses an option that does not exist", async () => {
    const misspelt = { worker: false, stopDeadline: 5_000 };

    await expect(createOrderApp({ acme: misspelt })).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
      message: expect.stringContaining('no option "stopDeadline"'),
    });
  });

  it("calls a method that a test has replaced", async () => {
    await using test = await createOrderApp({ acme: { worker: false } });
    const url = await listen(test.app);
    const replaced: number[] = [];
    test.app.get(Receipts).announce = ({ orderId }) => void replaced.push(orderId);

    await post(url, { orderId: 6 });

    expect(replaced).toEqual([6]);
  });
});
