import type { DeadLetter } from "../../dead-letters/dead-letter.ts";
import { style, type Output } from "../output/output.ts";
import { printable } from "../output/printable.ts";
import { renderAttempts } from "./attempts.ts";
import { describeOrigin } from "./origin.ts";
import { payloadText } from "./payload.ts";

/** What is printed besides the summary. */
export interface RenderOptions {
  readonly withStacks: boolean;
  /** As text, if it is to be seen. */
  readonly payload: string | undefined;
}

/** A dead letter as text. */
export function renderDeadLetter(
  output: Output,
  letter: Omit<DeadLetter, "payload">,
  { withStacks, payload }: RenderOptions,
): string {
  const { task, id, queue, key, priority, attempts, enqueuedAt, diedAt, origin, errors, reason } = letter;
  return [
    `${style("bold", printable(task))}  dead letter after ${attempts} attempts`,
    `  id ${printable(id)}  queue ${printable(queue ?? "–")}  priority ${priority}  key ${printable(key ?? "–")}`,
    `  ${output.time(enqueuedAt)}  enqueued  ${printable(describeOrigin(origin))}`.trimEnd(),
    ...renderAttempts(output, errors, { withStacks }),
    `  ${output.time(diedAt)}  died: ${printable(reason)}`,
    payloadText(payload),
  ].join("\n");
}
