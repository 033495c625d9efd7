import type { createCommand } from "../command.ts";
import { parsePastTime } from "../input/time.ts";

/** A command with the options that choose dead letters. */
export function withDeadFilter(command: ReturnType<typeof createCommand>) {
  return command
    .option("--task <task>", "only of this task")
    .option("--error <text>", "only those whose error has this text in it")
    .option("--since <time>", "only those that died since: 2h, or 2026-11-21T13:00", (text) => parsePastTime(text))
    .option("--until <time>", "only those that died before", (text) => parsePastTime(text));
}
