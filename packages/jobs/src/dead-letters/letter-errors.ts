import { JobsError } from "../errors.ts";

export function letterMissing(id: string): JobsError {
  return new JobsError(
    "DEAD_LETTER_MISSING",
    `There is no dead letter ${id}. It was retried or discarded, or it never existed.`,
  );
}

export function letterOfOtherTask(task: string, mended: string): JobsError {
  return new JobsError("PAYLOAD_INVALID", `The dead letter is of task "${task}", not "${mended}".`);
}

export function letterSuperseded(id: string, task: string): JobsError {
  return new JobsError(
    "DEAD_LETTER_SUPERSEDED",
    `A newer job of task "${task}" has the key of dead letter ${id}, and the newer payload counts. Discard the dead letter, or retry it when that job is done.`,
  );
}
