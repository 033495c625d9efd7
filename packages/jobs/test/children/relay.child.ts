// A relay in a process of its own, to be killed or paused in the middle of a batch.
import { createJobs } from "../../src/index.ts";

// The test has ended, whatever ended it.
process.once("disconnect", () => process.exit());
const jobs = createJobs({
  connection: process.env["JOBS_URL"] ?? "",
  outbox: { connection: process.env["DATA_URL"] ?? "" },
});
jobs.startRelay({ batchSize: Number(process.env["BATCH_SIZE"] ?? 1_000), pollIntervalMs: 20 });
