import type { Fault } from "../fault.ts";
import { chargeCard } from "../shop-tasks.ts";
import { waitUntil } from "../wait-until.ts";

const count = 15;

/** An upstream was down for longer than the attempts lasted. One dead letter among those has another reason. */
export const paymentsOutage: Fault = {
  name: "the jobs of an outage were dead letters",
  symptom:
    "The payment provider was down, and is back. Orders of that time are still unpaid. (Stolen cards are not to be tried again.)",
  async plant({ jobs, pool }) {
    await pool.query("insert into shop.outages values ('payments')");
    const orders = Array.from({ length: count }, (_, n) => ({ order: `order-${n + 1}`, isStolen: false }));
    await jobs.enqueueMany(chargeCard, [...orders, { order: "order-x", isStolen: true }]);
    await waitUntil(async () => (await jobs.deadLetters.count({ task: chargeCard.name })).count === count + 1);
    await pool.query("delete from shop.outages");
  },
  isMended: async ({ doneCount }) => (await doneCount(chargeCard.name)) === count,
  async findHarm({ jobs }) {
    const [letter] = await jobs.deadLetters.list({ task: chargeCard.name, error: "stolen" });
    const isUntouched = letter !== undefined && !letter.errors.some(({ isBeforeRetry }) => isBeforeRetry);
    return isUntouched ? undefined : "The stolen card was tried again, or is forgotten.";
  },
};
