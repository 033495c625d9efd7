// A worker in a process of its own, to be killed while a job runs.
import { setTimeout as pause } from "node:timers/promises";
import { createJobs, perform } from "../../src/index.ts";
import { killable, single } from "../support/killable-task.ts";

const jobs = createJobs({ connection: process.env["JOBS_URL"] ?? "" });
await jobs.startWorker({
  tasks: [
    perform(process.env["TASK"] === "single" ? single : killable, async ({ n }, { attempt }) => {
      process.send?.(`running ${n} ${attempt}`);
      if (process.env["BLOCK"] === "event loop") {
        const until = Date.now() + 4_000;
        while (Date.now() < until);
        return process.send?.("unblocked");
      }
      return pause(600_000);
    }),
  ],
  heartbeatMs: 100,
  deadAfterMs: 500,
});
process.send?.("started");
