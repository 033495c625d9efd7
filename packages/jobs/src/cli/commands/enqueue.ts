import type { JobOptions } from "../../job/job-request.ts";
import { createCommand } from "../command.ts";
import { findTask } from "../find-task.ts";
import { parseCount } from "../input/count.ts";
import { readJson } from "../input/json.ts";
import { parseFutureTime } from "../input/time.ts";
import type { Program, Run } from "../program.ts";
import { UsageError } from "../usage-error.ts";

/** `enqueue`: one job, by hand. */
export function addEnqueueCommand(program: Program, run: Run): void {
  const enqueue = createCommand("enqueue", {
    description: "Enqueue a job. Its payload is checked by the task of the configuration.",
    examples: [
      'enqueue sendReceipt \'{"orderId":"42"}\'',
      "enqueue sendReceipt @payload.json --run-at 10min --unchecked",
    ],
  })
    .argument("<task>", "the name of the task")
    .argument("<payload>", "JSON, @file, or - for standard input")
    .option("--run-at <time>", "not before: 10min from now, or 2026-11-21T13:00", (text) => parseFutureTime(text))
    .option("--key <key>", "replace a waiting job of the task with this key")
    .option("--queue <name>", "in this named queue")
    .option("--priority <number>", "lower runs first", parseCount(-32_767, 32_767))
    .option("--unchecked", "also if the configuration has no such task");
  enqueue.action((name, given, { unchecked, runAt, key, queue, priority }) =>
    run(async (context) => {
      const payload = await readJson(given);
      const task = (await findTask(context, name)) ?? (unchecked ? await uncheckedTask(name) : undefined);
      if (task === undefined) {
        throw new UsageError(
          `The configuration has no task "${name}", so the payload cannot be checked. Name it in "tasks" of acme-jobs.config.ts, or say --unchecked.`,
        );
      }
      const jobs = await context.openJobs();
      const options: JobOptions = {
        ...(runAt !== undefined && { runAt }),
        ...(key !== undefined && { key }),
        ...(queue !== undefined && { queue }),
        ...(priority !== undefined && { priority }),
      };
      const id = await jobs.enqueue(task, payload, options);
      context.output.result({ id }, () => id);
    }),
  );
  program.addCommand(enqueue);
}

/** A task whose schema takes everything. */
async function uncheckedTask(name: string) {
  const { defineTask } = await import("../../task/task.ts");
  const anything = {
    "~standard": { version: 1, vendor: "acme-jobs", validate: (value: unknown) => ({ value }) },
  } as const;
  return defineTask(name, { payload: anything });
}
