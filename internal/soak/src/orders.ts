import { defineEvent, props } from "@acme/domain-events";
import { defineTask, type JobOptions, retry } from "@acme/jobs";
import { z } from "zod";

/** Recorded with each order; what follows from it is the job that ships it. */
export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string; options: JobOptions }>()) {}

/** Recorded with some orders; of the jobs that count the product, one key has only one that waits. */
export class ProductStocked extends defineEvent("product.filled", props<{ product: string; options: JobOptions }>()) {}

/** Recorded with some orders; the versions of a label are counted up, and of its jobs only one waits: never an older one. */
export class LabelChanged extends defineEvent(
  "label.changed",
  props<{ label: string; version: number; options: JobOptions }>(),
) {}

// Faults use attempts up; none of these jobs may ever become a dead letter.
const untilItSucceeds = retry.fixed({ attempts: 200, delayMs: 150, jitter: 1 });

export const shipOrder = defineTask("ship_order", {
  payload: z.object({ orderId: z.uuid() }),
  retry: untilItSucceeds,
});

export const countStock = defineTask("count_stock", {
  payload: z.object({ product: z.string() }),
  retry: untilItSucceeds,
});

export const printLabel = defineTask("print_label", {
  payload: z.object({ label: z.string(), version: z.int() }),
  retry: untilItSucceeds,
});
