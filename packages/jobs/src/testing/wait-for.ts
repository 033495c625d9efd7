import { setTimeout as pause } from "node:timers/promises";
import type { JobDetails } from "../admin/job-details.ts";
import { checkNames, checkNumber, longestTimerMs } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import { jobIdPattern } from "../job/job-id.ts";
import type { Jobs } from "../jobs.ts";
import { memorySideOf } from "./memory/memory-side.ts";

/**
 * What {@link waitFor} waits for. `"succeeded"`: the job is done. `"failed"`: at least one attempt has failed, and its worker has
 * given the job back. `"dead"`: it is a dead letter.
 */
export type AwaitedState = "succeeded" | "failed" | "dead";

/** How long {@link waitFor} waits. */
export interface WaitForOptions {
  /** Default: 5,000. */
  readonly withinMs?: number;
}

const firstPauseMs = 10;
const longestPauseMs = 200;

/**
 * Waits beside a running worker until a job has got so far. Looks at once, and then ever less often, to five times a second.
 *
 * A job that has succeeded leaves nothing behind. So `"succeeded"` means that the job is nowhere any more: one that was
 * discarded, replaced through its key, or never committed looks the same.
 *
 * @param id - What `enqueue` returned.
 * @throws {@link JobsError} `STATE_NOT_REACHED` after `withinMs`, or as soon as the job has ended otherwise. The message says
 * which state it is in. `OPTIONS_INVALID`, and what `jobs.admin.get` throws.
 * @example
 * ```ts
 * const id = await jobs.enqueue(sendReceipt, { orderId });
 * await waitFor(jobs, id, "succeeded", { withinMs: 2_000 });
 * ```
 */
export async function waitFor(
  jobs: Jobs,
  id: string,
  ...[state, options = {}]: readonly [state: AwaitedState, options?: WaitForOptions]
): Promise<void> {
  checkArguments(id, state, options);
  const { withinMs = 5_000 } = options;
  const { get } = memorySideOf(jobs) ?? jobs.admin;
  const endsAt = performance.now() + withinMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const found = await get(id);
    if (isReached(state, found)) return;
    const isOver = found === undefined || found.in === "deadLetters";
    const leftMs = endsAt - performance.now();
    if (isOver || leftMs <= 0)
      throw notReached(`${id} is not "${state}"${isOver ? "" : ` after ${withinMs} ms`}`, found);
    await pause(Math.min(pauseMs, leftMs));
  }
}

function checkArguments(id: string, state: AwaitedState, options: WaitForOptions): void {
  checkNames(options, { what: "waitFor()", known: ["withinMs"] satisfies (keyof WaitForOptions)[] });
  checkNumber("withinMs", options.withinMs, [0, longestTimerMs]);
  if (["succeeded", "failed", "dead"].includes(state) && typeof id === "string" && jobIdPattern.test(id)) return;
  throw new JobsError("OPTIONS_INVALID", 'waitFor() takes the id of a job, and "succeeded", "failed" or "dead".');
}

function isReached(state: AwaitedState, found: JobDetails | undefined): boolean {
  if (found === undefined) return state === "succeeded";
  if (found.in === "deadLetters") return state !== "succeeded";
  return state === "failed" && found.in === "queue" && isGivenBackFailed(found);
}

/** A failure is noted while the worker still has the job, which no helper could make due by then. */
function isGivenBackFailed({ job, errors }: Extract<JobDetails, { in: "queue" }>): boolean {
  const isTakenSince = job.attempts > (errors.at(-1)?.attempt ?? 0);
  return job.hasFailed && (job.state !== "locked" || isTakenSince);
}

function notReached(what: string, found: JobDetails | undefined): JobsError {
  return new JobsError("STATE_NOT_REACHED", `Job ${what}: ${describe(found)}.`);
}

function describe(found: JobDetails | undefined): string {
  if (found === undefined) return "it is nowhere any more, so it has succeeded, was discarded or replaced";
  if (found.in === "deadLetters") return `it is a dead letter after ${found.letter.attempts} attempts`;
  if (found.in === "outbox") return "it waits in the outbox, for a relay";
  const { state, runAt, hasFailed } = found.job;
  const then = hasFailed ? ", and at least one attempt has failed" : "";
  if (state === "scheduled") return `it waits until ${runAt.toISOString()}${then}`;
  return (state === "locked" ? "a worker has it" : "it is due, and no worker has taken it") + then;
}
