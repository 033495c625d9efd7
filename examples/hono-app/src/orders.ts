import { defineEvent, props } from "@acme/domain-events";
import { defineTask, perform, retry } from "@acme/jobs";
import { z } from "zod";

export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string }>()) {}

export const sendReceipt = defineTask("send_receipt", {
  payload: z.object({ orderId: z.uuid() }),
  retry: retry.network,
  timeoutMs: 30_000,
});

/** The mail service sends a mail once for each key, however often the job runs. */
export function performSendReceipt(mailUrl: string) {
  return perform(sendReceipt, async ({ orderId }, { signal, idempotencyKey, requestId = "" }) => {
    const { ok, status } = await fetch(mailUrl, {
      method: "POST",
      headers: { "idempotency-key": idempotencyKey, "x-request-id": requestId },
      body: JSON.stringify({ orderId }),
      signal,
    });
    if (!ok) throw Object.assign(new Error(`The mail service answered ${status}.`), { status });
  });
}
