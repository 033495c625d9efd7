import { type BeforeCommitContext, defineEvent, type HandlerContext, props } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { type AttemptContext, defineTask } from "@acme/jobs";
import { Pool, type PoolClient } from "pg";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { AcmeModule, EnqueueOn, HandleBeforeCommit, HandleEvent, type PayloadOf, PerformTask } from "../src/index.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}
class UserRegistered extends defineEvent("user.registered", props<{ userId: string }>()) {}
const sendReceipt = defineTask("send_receipt", {
  payload: z.object({ orderId: z.number(), copies: z.coerce.number().default(1) }),
});

describe("the decorators", () => {
  it("take a method that fits their event", () => {
    class Fitting {
      @HandleEvent(OrderPlaced)
      all(event: OrderPlaced, { record }: HandlerContext) {
        record(event);
      }
      @HandleEvent(OrderPlaced)
      part({ orderId }: { readonly orderId: number }) {
        return orderId;
      }
      @HandleEvent(OrderPlaced)
      async nothing() {}
      @HandleBeforeCommit(OrderPlaced)
      async within(_event: OrderPlaced, { tx }: BeforeCommitContext<PoolClient>) {
        await tx.query("select 1");
      }
    }
    class Wrong {
      // @ts-expect-error a parameter of another event
      @HandleEvent(OrderPlaced)
      other(_event: UserRegistered) {}
      // @ts-expect-error a property that the event does not have
      @HandleEvent(OrderPlaced)
      more(_event: OrderPlaced & { total: number }) {}
      // @ts-expect-error only a method inside the transaction gets one
      @HandleEvent(OrderPlaced)
      after(_event: OrderPlaced, _context: BeforeCommitContext<PoolClient>) {}
      // @ts-expect-error a parameter of another event
      @HandleBeforeCommit(OrderPlaced)
      within(_event: UserRegistered) {}
      // @ts-expect-error an event is no class of events
      @HandleEvent({ type: "order.placed" })
      noClass() {}
      // @ts-expect-error a static method belongs to no provider
      @HandleEvent(OrderPlaced)
      static handle(_event: OrderPlaced) {}
    }
    void [Fitting, Wrong];
  });

  it("take a method that fits their task", () => {
    expectTypeOf<PayloadOf<typeof sendReceipt>>().toEqualTypeOf<{ orderId: number; copies: number }>();
    class Fitting {
      @PerformTask(sendReceipt)
      async run({ copies }: PayloadOf<typeof sendReceipt>, { signal }: AttemptContext) {
        expectTypeOf(copies).toBeNumber();
        signal.throwIfAborted();
      }
      @EnqueueOn(OrderPlaced, sendReceipt)
      toPayload({ orderId }: OrderPlaced) {
        return { orderId };
      }
      @EnqueueOn(OrderPlaced, sendReceipt, (event) => ({ key: String(event.orderId) }))
      toWholePayload({ orderId }: OrderPlaced) {
        return { orderId, copies: "2" };
      }
    }
    class Wrong {
      // @ts-expect-error a payload of another shape
      @PerformTask(sendReceipt)
      run(_payload: { userId: string }) {}
      // @ts-expect-error a payload without what the schema needs
      @EnqueueOn(OrderPlaced, sendReceipt)
      toPayload() {
        return { userId: "1" };
      }
      // @ts-expect-error a payload that is not there yet
      @EnqueueOn(OrderPlaced, sendReceipt)
      async later({ orderId }: OrderPlaced) {
        return { orderId };
      }
      // @ts-expect-error a name is no task
      @PerformTask("send_receipt")
      byName() {}
    }
    void [Fitting, Wrong];
  });
});

describe("the module", () => {
  it("takes the settings of the packages", () => {
    const pool = new Pool();
    AcmeModule.forRoot({ transactions: pgTransactions(pool), jobs: { connection: pool }, worker: { concurrency: 5 } });
    AcmeModule.forRootAsync({
      inject: [Pool],
      useFactory: (given: Pool) => ({
        transactions: pgTransactions(given),
        jobs: { connection: given },
        worker: false,
      }),
    });
    // @ts-expect-error a pool is no adapter
    AcmeModule.forRoot({ transactions: pool, jobs: { connection: pool } });
    // @ts-expect-error the tasks are those of the providers
    AcmeModule.forRoot({ transactions: pgTransactions(pool), jobs: { connection: pool }, worker: { tasks: [] } });
  });
});
