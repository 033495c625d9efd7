import { Command } from "@commander-js/extra-typings";

/** What the help of a command says. */
export interface CommandHelp {
  readonly description: string;
  /** Whole command lines without `acme-jobs`. */
  readonly examples: readonly [string, ...string[]];
}

/** A command whose help ends with examples. */
export function createCommand(name: string, { description, examples }: CommandHelp) {
  const lines = examples.map((example) => `  $ acme-jobs ${example}`.trimEnd());
  return new Command(name).description(description).addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
