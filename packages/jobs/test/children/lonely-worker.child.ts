// A worker with the default settings, whose jobs never end.
import { setTimeout as pause } from "node:timers/promises";
import { createJobs, perform } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";

// The test has ended, whatever ended it.
process.once("disconnect", () => process.exit());
const jobs = createJobs({ connection: process.env["JOBS_URL"] ?? "" });
await jobs.startWorker({
  tasks: [
    perform(killable, async () => {
      process.send?.("running");
      await pause(600_000);
    }),
  ],
});
