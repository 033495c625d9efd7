import { defineEvent, props } from "@acme/domain-events";
import { defineTask, retry } from "@acme/jobs";
import { z } from "zod";

export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string }>()) {}

/** Only the contract: its code is in the worker, and no part of the site. */
export const sendReceipt = defineTask("send_receipt", {
  payload: z.object({ orderId: z.uuid() }),
  retry: retry.network,
  timeoutMs: 30_000,
});
