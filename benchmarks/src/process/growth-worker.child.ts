// One of several worker processes: counts the jobs it runs and tells when it is asked.
import { createJobs, defineTask, perform } from "@acme/jobs";
import { numbered, silentLogger } from "../peers/acme.ts";
import { taskNames } from "../peers/backlog.ts";

export type WorkerRequest = "mark" | "stop";
export interface WorkerReport {
  readonly runs: number;
}

const [databaseUrl = "", taskCount = "1", concurrency = "1"] = process.argv.slice(2);
let runs = 0;

const jobs = createJobs({ connection: databaseUrl, logger: silentLogger });
const worker = await jobs.startWorker({
  migrate: false,
  concurrency: Number(concurrency),
  tasks: taskNames(Number(taskCount)).map((name) =>
    perform(defineTask(name, { payload: numbered }), () => {
      if (runs === 0) report();
      runs += 1;
    }),
  ),
});

process.on("message", (request: WorkerRequest) => {
  if (request === "mark") report();
  else void stop();
});
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => undefined);

async function stop(): Promise<void> {
  await worker.stop();
  await jobs.close();
  report();
  process.disconnect?.();
}

function report(): void {
  process.send?.({ runs } satisfies WorkerReport, undefined, undefined, () => undefined);
}
