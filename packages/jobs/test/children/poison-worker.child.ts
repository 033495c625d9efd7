// A worker in a process of its own. One of its jobs kills it; the others never end.
import { createJobs, perform } from "../../src/index.ts";
import { killable, single } from "../support/killable-task.ts";

// The test has ended, whatever ended it.
process.once("disconnect", () => process.exit());
const jobs = createJobs({ connection: process.env["JOBS_URL"] ?? "" });
await jobs.startWorker({
  tasks: [
    perform(killable, async (_, { attempt }) => {
      process.send?.(`poison ${attempt}`);
      await new Promise(() => undefined);
    }),
    perform(single, async ({ n }) => {
      if (n < 0) return;
      process.send?.("neighbour");
      await new Promise(() => undefined);
    }),
  ],
  concurrency: 5,
  pollIntervalMs: 50,
  heartbeatMs: 100,
  deadAfterMs: 500,
});
