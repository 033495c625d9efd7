import type { JobDetails } from "../../admin/job-details.ts";
import type { AttemptError, JobSummary } from "../../job/job-summary.ts";
import type { OutboxRow } from "../../outbox/outbox-rows.ts";
import { style, type Output } from "../output/output.ts";
import { printable } from "../output/printable.ts";
import { renderAttempts } from "./attempts.ts";
import { renderDeadLetter, type RenderOptions } from "./dead-letter.ts";
import { describeOrigin } from "./origin.ts";
import { payloadText } from "./payload.ts";

/** A job as text, wherever it is. */
export function renderJob(output: Output, details: JobDetails, options: RenderOptions): string {
  if (details.in === "deadLetters") return renderDeadLetter(output, details.letter, options);
  if (details.in === "outbox") return renderOutboxRow(output, details.row, options);
  return renderQueued(output, details, options);
}

function renderQueued(
  output: Output,
  { job, errors }: { readonly job: JobSummary; readonly errors: readonly AttemptError[] },
  { withStacks, payload }: RenderOptions,
): string {
  const { task, id, jobId, queue, key, priority, enqueuedAt, origin } = job;
  return [
    `${style("bold", printable(task))}  ${stateText(output, job)}`,
    `  id ${printable(id ?? "–")}  job ${jobId}  queue ${printable(queue ?? "–")}  priority ${priority}  key ${printable(key ?? "–")}`,
    `  ${output.time(enqueuedAt)}  enqueued  ${printable(describeOrigin(origin))}`.trimEnd(),
    ...renderAttempts(output, errors, { withStacks }),
    // A job of a plain Graphile Worker has no history.
    ...(errors.length === 0 && job.lastError !== null ? [`  last error: ${printable(job.lastError)}`] : []),
    job.state === "locked" && payload === undefined
      ? "  A worker has the job. Its payload can be read when it ends."
      : payloadText(payload),
  ].join("\n");
}

function stateText(output: Output, job: JobSummary): string {
  const { state, hasFailed, runAt, attempts, lockedAt, lockedBy } = job;
  const next = `attempt ${attempts + 1}${hasFailed ? " after a failure" : ""}`;
  const lock = `by ${printable(lockedBy ?? "–")}${lockedAt === null ? "" : ` since ${output.time(lockedAt)}`}`;
  const texts: Readonly<Record<JobSummary["state"], string>> = {
    due: `due since ${output.time(runAt)}, ${next}`,
    scheduled: `scheduled, ${next} ${output.time(runAt)}`,
    locked: `locked, attempt ${attempts}, ${lock}`,
    failed: "failed: no attempts left",
  };
  return texts[state];
}

function renderOutboxRow(output: Output, row: OutboxRow, { payload }: RenderOptions): string {
  const { task, id, queue, key, priority, runAt, enqueuedAt, origin } = row;
  return [
    `${style("bold", printable(task))}  waits in the outbox for a relay${runAt === null ? "" : `, to run ${output.time(runAt)}`}`,
    `  id ${printable(id)}  queue ${printable(queue ?? "–")}  priority ${priority ?? 0}  key ${printable(key ?? "–")}`,
    `  ${output.time(enqueuedAt)}  enqueued  ${printable(describeOrigin(origin))}`.trimEnd(),
    payloadText(payload),
  ].join("\n");
}
