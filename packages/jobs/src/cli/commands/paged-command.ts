import { createCommand } from "../command.ts";
import { parseCount } from "../input/count.ts";

/** A command that lists page by page. */
export function createPagedCommand(name: string, description: string) {
  return createCommand(name, { description, examples: [name, `${name} --limit 10`] })
    .option("--limit <count>", "how many", parseCount(1, 1_000), 50)
    .option("--after <cursor>", "go on after this one");
}
