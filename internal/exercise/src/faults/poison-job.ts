import type { Fault } from "../fault.ts";
import { announceDelivery } from "../shop-tasks.ts";
import { waitUntil } from "../wait-until.ts";

/** A job that can never succeed is tried for ever. */
export const poisonJob: Fault = {
  name: "a job that can never succeed was tried for ever",
  symptom:
    'The error log fills with one line, every second: "The warehouse knows no such article". The delivery was cancelled yesterday.',
  async plant({ jobs }) {
    const id = await jobs.enqueue(announceDelivery, { delivery: "delivery-7", article: "?" });
    await waitUntil(async () => {
      const details = await jobs.admin.get(id);
      return details?.in === "queue" && details.errors.length >= 2;
    });
  },
  async isMended({ jobs }) {
    const { jobs: left } = await jobs.admin.list({ task: announceDelivery.name });
    return left.length === 0;
  },
};
