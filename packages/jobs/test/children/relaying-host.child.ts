// A relay and a worker in a process of their own, which tells how much memory it needs (node --expose-gc).
import { shipOrder } from "../support/continuous-writer.ts";
import { createJobs, perform } from "../../src/index.ts";

process.once("disconnect", () => process.exit());
const jobs = createJobs({
  connection: process.env["JOBS_URL"] ?? "",
  outbox: { connection: process.env["DATA_URL"] ?? "" },
});
await jobs.startWorker({ tasks: [perform(shipOrder, () => undefined)] });

process.on("message", (question: string) => {
  if (question !== "memory") return;
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${heapUsed + external}\n`, () => process.send?.("memory told"));
});
process.send?.("working");
