import { JobsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkPayload } from "../payload.ts";
import type { PerformableTask } from "../perform.ts";

export interface AttemptOfJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly payload: unknown;
}

/**
 * Runs a task's code once, within its time.
 *
 * Resolves with what the code returned. Rejects with what it threw, or with `ATTEMPT_TIMEOUT` or `WORKER_STOPPING` as soon as
 * the time is over: code that does not heed its signal then runs on unattended, and its result no longer counts.
 */
export async function runAttempt(
  { task, run }: PerformableTask,
  job: AttemptOfJob,
  { stopSignal, logger }: { readonly stopSignal: AbortSignal; readonly logger: Logger },
): Promise<unknown> {
  assertNotUsedUp(task.name, job.attempt, task.retry.attempts);
  const payload = await checkPayload(task, job.payload);

  const ending = new AbortController();
  const endAtStop = () => ending.abort(stopSignal.reason);
  stopSignal.addEventListener("abort", endAtStop, { once: true });
  if (stopSignal.aborted) endAtStop();
  const timer =
    task.timeoutMs === undefined
      ? undefined
      : setTimeout(() => ending.abort(timedOut(task.name, task.timeoutMs)), task.timeoutMs);

  try {
    const { jobId, attempt, idempotencyKey } = job;
    const context = { signal: ending.signal, attempt, idempotencyKey, jobId, logger };
    return await Promise.race([runCode(run, payload, context), rejectWhenAborted(ending.signal)]);
  } finally {
    clearTimeout(timer);
    stopSignal.removeEventListener("abort", endAtStop);
  }
}

/** A worker that dies takes its attempt with it, so a job that kills its worker each time arrives here used up. */
function assertNotUsedUp(task: string, attempt: number, attempts: number): void {
  if (attempt <= attempts) return;
  throw new JobsError(
    "WORKER_DIED",
    `Task "${task}" has used its ${attempts} attempts without one that ended in time to be recorded: its worker died, lost the database, or the policy has been shortened since.`,
  );
}

async function runCode(run: PerformableTask["run"], payload: unknown, context: Parameters<PerformableTask["run"]>[1]) {
  // The schema has just made this payload the task's own type, which the list of tasks no longer knows.
  return await run(payload as never, context);
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const rejectWithReason = () => reject(signal.reason as Error);
    if (signal.aborted) rejectWithReason();
    else signal.addEventListener("abort", rejectWithReason, { once: true });
  });
}

function timedOut(task: string, timeoutMs: number | undefined): JobsError {
  return new JobsError("ATTEMPT_TIMEOUT", `Task "${task}" took longer than its ${timeoutMs} ms.`);
}
