// A worker in a process of its own, whose event loop hangs: in a job, or with the answer of a look unread.
import { existsSync, writeSync } from "node:fs";
import { Client, type QueryConfig } from "pg";
import { createJobs, perform } from "../../src/index.ts";
import { hanging } from "../support/hanging-task.ts";

const hangMs = Number(process.env["HANG_MS"]);
/** The hang ends when there is such a file: nothing else is noticed. */
const endFile = process.env["HANG_END"] ?? "";
let hasHung = false;
let hangsInLook = false;

// Written synchronously, because other output would not arrive while this process hangs.
const say = (line: string) => writeSync(1, `${line}\n`);
const tell = (_: object, message: string) => void say(message);
const hang = () => {
  hasHung = true;
  process.send?.("hanging");
  const until = Date.now() + hangMs;
  while (Date.now() < until && !existsSync(endFile));
  process.send?.("back");
};

// oxlint-disable-next-line typescript/unbound-method -- called with its object
const { query } = Client.prototype;
Client.prototype.query = function sendThenHang(this: Client, ...args: Parameters<typeof query>) {
  const answer: unknown = query.apply(this, args);
  if (hangsInLook && (args[0] as unknown as QueryConfig).name?.includes("get_job") === true) {
    hangsInLook = false;
    // It leaves the process in the tick that comes first.
    process.nextTick(hang);
  }
  return answer;
} as typeof query;

const jobs = createJobs({
  connection: process.env["JOBS_URL"] ?? "",
  logger: { debug: () => undefined, info: () => undefined, warn: tell, error: tell },
});
const worker = await jobs.startWorker({
  tasks: [
    perform(hanging, ({ n }) => {
      say(`ran ${n}`);
      if (n === 0 && !hasHung) hang();
    }),
  ],
  concurrency: 8,
  prefetch: Number(process.env["PREFETCH"] ?? 100),
  // What it looks for, it was told of.
  pollIntervalMs: 3_600_000,
  heartbeatMs: 100,
  deadAfterMs: Number(process.env["DEAD_AFTER_MS"] ?? 500),
});
process.on("message", (message) => {
  if (message === "hang in a look") {
    hangsInLook = true;
    process.send?.("waiting for a look");
  }
  if (message === "stop") void worker.stop().then(() => process.exit());
});
process.send?.("started");
