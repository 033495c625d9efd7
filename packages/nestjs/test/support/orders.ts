import { type BeforeCommitContext, currentCorrelation, defineEvent, props, type UnitOfWork } from "@acme/domain-events";
import { type AttemptContext, defineTask, retry } from "@acme/jobs";
import { Body, Controller, Inject, Injectable, Post } from "@nestjs/common";
import type { PoolClient } from "pg";
import { z } from "zod";
import {
  EnqueueOn,
  HandleBeforeCommit,
  HandleEvent,
  InjectUnitOfWork,
  type PayloadOf,
  PerformTask,
} from "../../src/index.ts";

export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}
export const sendReceipt = defineTask("send_receipt", {
  payload: z.object({ orderId: z.number() }),
  retry: retry.never,
});

/** What the app did, as a test sees it. */
export interface Story {
  tell(line: string): void;
  /** Held by a test that looks at the app in the middle of a job. */
  readonly gate: () => Promise<void>;
}
export const STORY = Symbol("story");

@Injectable()
export class Receipts {
  constructor(
    @InjectUnitOfWork() private readonly unitOfWork: UnitOfWork<PoolClient>,
    @Inject(STORY) private readonly story: Story,
  ) {}

  @HandleEvent(OrderPlaced)
  announce(event: OrderPlaced) {
    this.story.tell(`announced ${event.orderId}`);
  }

  @HandleBeforeCommit(OrderPlaced)
  async audit(event: OrderPlaced, { tx }: BeforeCommitContext<PoolClient>) {
    await tx.query("insert into audit (order_id) values ($1)", [event.orderId]);
  }

  @EnqueueOn(OrderPlaced, sendReceipt)
  toReceipt(event: OrderPlaced) {
    return { orderId: event.orderId };
  }

  @PerformTask(sendReceipt)
  async send({ orderId }: PayloadOf<typeof sendReceipt>, { requestId }: AttemptContext) {
    this.story.tell(`sending ${orderId} for ${requestId}, ${currentCorrelation().eventType}`);
    await this.story.gate();
    // At a stop, the unit of work has to be there for as long as jobs run.
    await this.unitOfWork.run(({ tx }) => tx.query("update orders set id = id where id = $1", [orderId]));
    this.story.tell(`sent ${orderId}`);
  }
}

@Controller("orders")
export class OrdersController {
  constructor(
    @InjectUnitOfWork() private readonly unitOfWork: UnitOfWork<PoolClient>,
    @Inject(STORY) private readonly story: Story,
  ) {}

  @Post()
  async place(@Body() { orderId, slow = false }: { orderId: number; slow?: boolean }) {
    await this.unitOfWork.run(async ({ tx, record }) => {
      await tx.query("insert into orders (id) values ($1)", [orderId]);
      record(new OrderPlaced({ orderId }));
      if (orderId < 0) throw new Error("no such order");
    });
    if (slow) {
      this.story.tell(`holding ${orderId}`);
      await this.story.gate();
    }
    return { orderId };
  }
}
