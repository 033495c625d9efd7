import type { ChangeFlags } from "./changes.ts";
import type { CliContext } from "./context.ts";
import { findTask } from "./find-task.ts";
import { readJson } from "./input/json.ts";
import { countText } from "./output/count-text.ts";
import { changeOneByOne, reportChange } from "./report-change.ts";
import type { ExitCode } from "./run-action.ts";
import { UsageError } from "./usage-error.ts";
import { withinTimeout } from "./within-timeout.ts";

/** Which dead letter, and its payload as the command line gives it. */
export interface MendedLetter {
  readonly ids: readonly string[];
  readonly payload: string;
}

/** Retries one dead letter with another payload, which is checked by its task. */
export async function retryMended(
  context: CliContext,
  { ids, payload: given }: MendedLetter,
  { reason, dryRun }: ChangeFlags,
): Promise<ExitCode> {
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) throw new UsageError("--payload is for one id.");
  const payload = await readJson(given);
  const jobs = await context.openJobs();
  const letter = await withinTimeout(context, jobs.deadLetters.get(id));
  const task = letter && (await findTask(context, letter.task));
  if (letter && task === undefined) {
    throw new UsageError(
      `The configuration has no task "${letter.task}", so the payload cannot be checked. Name it in "tasks" of acme-jobs.config.ts.`,
    );
  }
  if (dryRun) {
    context.output.result(
      { dryRun: true, count: letter ? 1 : 0 },
      () => `${countText(letter ? 1 : 0, "dead letter")} would be retried.`,
    );
    return 0;
  }
  const result = await changeOneByOne(context, ids, () =>
    // One that is gone is refused by the same error.
    task === undefined ? jobs.deadLetters.retry(id) : jobs.deadLetters.retry(id, { task, payload }),
  );
  return reportChange(context, result, { done: "retried", what: "dead letter", reason });
}
