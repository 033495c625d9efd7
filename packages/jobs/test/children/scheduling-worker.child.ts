// A worker that enqueues the ticks of a schedule and runs nothing of it, to be killed or stopped in the middle.
import { createJobs, perform, schedule } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";
import { everyMinute, report } from "../support/schedules.ts";

process.once("disconnect", () => process.exit());
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const isHeld = process.env["HOLD"] === "in the middle";
const jobs = createJobs({ connection: process.env["JOBS_URL"] ?? "", logger });
await jobs.startWorker({
  tasks: [perform(killable, ignore)],
  schedules: [
    schedule(report, {
      ...everyMinute,
      overlap: "queue",
      backfill: "all",
      payload: isHeld ? hold : everyMinute.payload,
    }),
  ],
});
process.send?.("started");

/** The process stands still, with the transaction open. */
function hold(): never {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
  throw new Error("It was to be killed by now.");
}

function ignore(): void {}
