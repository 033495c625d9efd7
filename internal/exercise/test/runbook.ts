import { readFileSync } from "node:fs";

/** An entry of docs/runbook.md. */
export interface Entry {
  readonly title: string;
  /** What people see or hear, in the first table. */
  readonly symptom: string;
  readonly codes: readonly string[];
  readonly commands: readonly Command[];
}

/** A command of the runbook, and what it says there. */
export interface Command {
  /** As it stands in the file, without `$ acme-jobs`. */
  readonly text: string;
  readonly words: readonly string[];
  readonly output: string;
}

const file = new URL("../../../docs/runbook.md", import.meta.url);

export function readRunbook(): { readonly entries: readonly Entry[]; readonly commands: readonly Command[] } {
  const text = readFileSync(file, "utf8");
  const [head = "", ...sections] = text.split(/^## /m);
  const entries = [...head.matchAll(/^\|(.*)\|(.*)\|.*\]\(#(.*)\).*\|$/gm)].map(
    ([, symptom = "", codes = "", anchor]) => {
      const section = sections.find((each) => anchorOf(each.split("\n", 1)[0] ?? "") === anchor);
      if (section === undefined) throw new Error(`The runbook has no entry #${anchor}.`);
      return {
        title: section.split("\n", 1)[0] ?? "",
        symptom: symptom.trim(),
        codes: [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => code),
        commands: commandsOf(section),
      };
    },
  );
  return { entries, commands: commandsOf(text) };
}

function anchorOf(title: string): string {
  return title.trim().toLowerCase().replaceAll(" ", "-");
}

function commandsOf(text: string): Command[] {
  const blocks = [...text.matchAll(/^( *)```console\n([\s\S]*?)^\1```/gm)].map(([, , block = ""]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^ *\$ /m)
      .filter((part) => part.startsWith("acme-jobs"))
      .map((part) => {
        const [line = "", ...output] = part.split("\n");
        const command = line.replace(/^acme-jobs ?/, "");
        return { text: command, words: shellWords(command), output: output.join("\n") };
      }),
  );
}

function shellWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}
