import type { Fault } from "../fault.ts";
import { sendReceipt } from "../shop-tasks.ts";

const count = 20;
const waitingMs = 12 * 60_000;

/** The worker of one task was stopped, and nobody has started it again. */
export const receiptsWorkerGone: Fault = {
  name: "no worker ran sendReceipt",
  symptom: "Customers have paid, and wait for their receipts.",
  async plant({ jobs, stopWorkers }) {
    await stopWorkers(["receipts"]);
    const receipts = Array.from({ length: count }, (_, n) => ({ order: `order-${n + 1}` }));
    await jobs.enqueueMany(sendReceipt, receipts, { runAt: new Date(Date.now() - waitingMs) });
  },
  isMended: async ({ doneCount }) => (await doneCount(sendReceipt.name)) === count,
};
