import { createCommand } from "../command.ts";
import { parseCount } from "../input/count.ts";

/** A command that lists page by page. @param words - With those of the command above, if it has one. */
export function createPagedCommand(name: string, description: string, words = name) {
  return createCommand(name, { description, examples: [words, `${words} --limit 10`] })
    .option("--limit <count>", "how many", parseCount(1, 1_000), 50)
    .option("--after <cursor>", "go on after this one");
}
