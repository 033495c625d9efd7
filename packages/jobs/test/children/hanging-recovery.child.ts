// A worker that hangs in the middle of recovering another one's jobs.
import { Client } from "pg";
import { createJobs, perform } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";

const { query } = Client.prototype;
Client.prototype.query = function (this: Client, ...args: Parameters<typeof query>) {
  const answer: unknown = query.apply(this, args);
  const [first] = args as unknown as [string | { readonly text?: string }];
  const text = typeof first === "string" ? first : first.text;
  if (text?.includes("force_unlock_workers") === true) {
    process.nextTick(() => {
      process.send?.("hanging");
      for (;;);
    });
  }
  return answer;
} as typeof query;

const jobs = createJobs({ connection: process.env["JOBS_URL"] ?? "" });
await jobs.startWorker({ tasks: [perform(killable, () => undefined)], heartbeatMs: 100, deadAfterMs: 500 });
process.send?.("started");
