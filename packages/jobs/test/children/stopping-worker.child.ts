// A worker that loses its database, with jobs fetched ahead, in the moment in which it is told to stop.
import { setTimeout as pause } from "node:timers/promises";
import { startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { createJobs, perform } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";

const proxy = await startProxy(process.env["JOBS_URL"] ?? "");
const pool = new Pool({ connectionString: proxy.url, connectionTimeoutMillis: 5_000 });
const jobs = createJobs({ connection: pool });
let runCount = 0;
const worker = await jobs.startWorker({
  concurrency: 2,
  tasks: [
    perform(killable, async () => {
      runCount += 1;
      // Short ones, which are fetched ahead.
      if (runCount !== 150) return pause(2);
      if (process.env["HOW"] === "ended pool") void pool.end();
      else {
        proxy.refuseConnections();
        proxy.cutAll();
      }
      worker.stop({ deadlineMs: 100 }).then(
        () => tell("stopped"),
        (error: unknown) => tell(String((error as { code?: unknown }).code)),
      );
    }),
  ],
});
await jobs.enqueueMany(
  killable,
  Array.from({ length: 1_000 }, (_, n) => ({ n })),
);
await pause(600_000);

function tell(how: string): void {
  process.send?.(how);
  // An unhandled rejection would end the process with another code, some turns later.
  setTimeout(() => process.exit(0), 2_000);
}
