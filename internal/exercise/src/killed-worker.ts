// A worker whose jobs never end, to be killed while it has them.
import { setTimeout as pause } from "node:timers/promises";
import { createJobs, perform } from "@acme/jobs";
import { printLabel } from "./shop-tasks.ts";

// The exercise was ended itself.
process.once("disconnect", () => process.exit());
const jobs = createJobs({ connection: process.env["JOB_QUEUE_DATABASE_URL"] ?? "" });
await jobs.startWorker({ name: "printers", tasks: [perform(printLabel, () => pause(3_600_000))] });
