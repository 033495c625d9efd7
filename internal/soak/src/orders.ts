import { defineEvent, props } from "@acme/domain-events";
import { defineTask, type JobOptions, retry } from "@acme/jobs";
import { z } from "zod";

/** Recorded with each order; what follows from it is the job that ships it. */
export class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string; options: JobOptions }>()) {}

/** Recorded with some orders; of the jobs that count the shelf, one key has only one that waits. */
export class ShelfFilled extends defineEvent("shelf.filled", props<{ shelf: string; options: JobOptions }>()) {}

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

export const countShelf = defineTask("count_shelf", {
  payload: z.object({ shelf: z.string() }),
  retry: untilItSucceeds,
});

export const printLabel = defineTask("print_label", {
  payload: z.object({ label: z.string(), version: z.int() }),
  retry: untilItSucceeds,
});
