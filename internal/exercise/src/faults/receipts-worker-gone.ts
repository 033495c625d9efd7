import type { Fault } from "../fault.ts";
import { sendReceipt } from "../shop-tasks.ts";
import { waitUntil } from "../wait-until.ts";

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
    // Until the next sample, nobody could see it.
    const isSeen = async () => (await jobs.admin.doctor()).some(({ code }) => code === "NO_WORKER_FOR_TASK");
    await waitUntil(isSeen, { everyMs: 500 });
  },
  isMended: async ({ doneCount }) => (await doneCount(sendReceipt.name)) === count,
};
