import { defineEvent, props } from "@acme/domain-events";
import { defineTask, retry } from "@acme/jobs";
import { z } from "zod";

/** Recorded with each order; what follows from it is the job that ships it. */
export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string; queue: string | null }>()) {}

export const shipOrder = defineTask("ship_order", {
  payload: z.object({ orderId: z.uuid() }),
  // Faults use attempts up; none of these jobs may ever become a dead letter.
  retry: retry.fixed({ attempts: 200, delayMs: 150, jitter: 1 }),
});
