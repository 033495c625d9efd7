import type { Fault } from "../fault.ts";
import { sendOffer, sendReminder } from "../shop-tasks.ts";

const count = 12;
const day = 24 * 60 * 60_000;

/** Jobs were put off for a week by mistake, beside others that have to wait. */
export const offersPutOff: Fault = {
  name: "the offers were put off for a week",
  symptom: "Today's offers were to go out at nine. Nobody has got one. (Reminders are not due before next month.)",
  async plant({ jobs }) {
    const customers = Array.from({ length: count }, (_, n) => ({ customer: `customer-${n + 1}` }));
    await jobs.enqueueMany(sendOffer, customers, { runAt: new Date(Date.now() + 7 * day) });
    await jobs.enqueueMany(sendReminder, customers, { runAt: new Date(Date.now() + 30 * day) });
  },
  isMended: async ({ doneCount }) => (await doneCount(sendOffer.name)) === count,
  async findHarm({ doneCount }) {
    return (await doneCount(sendReminder.name)) > 0 ? "Reminders went out, too." : undefined;
  },
};
