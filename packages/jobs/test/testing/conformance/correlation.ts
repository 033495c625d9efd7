import { defineEvent, props, withCorrelation } from "@acme/domain-events";
import { expect, it } from "vitest";
import { drain } from "../../../src/testing/index.ts";
import { bill, broken, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

class OrderPaid extends defineEvent("order/paid", props<{ n: number }>()) {}

export function correlationCases(world: () => World): void {
  it("a job keeps the request and the event that it comes from, and so does what follows from it", async () => {
    const { jobs, bus, unitOfWork } = world();
    bus.register(
      OrderPaid,
      jobs.durable(bill, ({ n }) => ({ n })),
    );
    const event = new OrderPaid({ n: 1 });
    const seen: unknown[] = [];
    await withCorrelation({ requestId: "7f3c-42" }, () => unitOfWork.run(({ record }) => record(event)));

    const follow = async (n: number, { requestId, event: from }: { requestId?: string; event?: object }) => {
      seen.push([n, requestId, from]);
      if (n === 1) await jobs.enqueue(bill, { n: 2 });
    };
    await drain(jobs, { tasks: [performBill([], follow)] });

    const origin = ["7f3c-42", { type: "order/paid", id: event.eventId }];
    expect(seen).toEqual([
      [1, ...origin],
      [2, ...origin],
    ]);
  });

  it("a dead letter and its retry keep it, and a caller's own does not reach another job", async () => {
    const { jobs } = world();
    const seen: unknown[] = [];
    const id = await withCorrelation({ requestId: "r-1" }, () => jobs.enqueue(bill, { n: 1 }));
    await drain(jobs, { tasks: [performBill([], broken)] });

    expect(await jobs.deadLetters.get(id)).toMatchObject({ origin: { requestId: "r-1" } });
    await jobs.deadLetters.retry(id);
    await withCorrelation({ requestId: "r-2" }, () =>
      drain(jobs, { tasks: [performBill([], (_, { requestId }) => void seen.push(requestId))] }),
    );
    expect(seen).toEqual(["r-1"]);
  });
}
