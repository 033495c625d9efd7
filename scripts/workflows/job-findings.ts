import type { Job, Step } from "./workflow.ts";

/** What is wrong with the steps of a job: they are npm scripts, so that everything can be run here, too. */
export function jobFindings(job: Job, scripts: readonly string[]): string[] {
  return [
    ...(job["timeout-minutes"] === undefined ? ["has no timeout-minutes, and might hang for six hours."] : []),
    ...job.steps.flatMap((step) => [
      ...usesFindings(step),
      ...commandsOf(step).flatMap((run) => runFindings(run, scripts)),
    ]),
  ];
}

function usesFindings({ uses }: Step): string[] {
  if (uses === undefined || /^[\w-]+\/[\w./-]+@(?:[0-9a-f]{40}|v\d+)$/.test(uses)) return [];
  return [`${uses} is pinned neither by its commit nor by its major version.`];
}

/** Changesets runs what it is given, too. */
function commandsOf({ run, uses = "", with: given = {} }: Step): string[] {
  const ofChangesets = uses.startsWith("changesets/action@") ? [given["version"], given["publish"]] : [];
  return [run, ...ofChangesets].filter((command) => typeof command === "string");
}

function runFindings(run: string, scripts: readonly string[]): string[] {
  return run
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [, script] = /^npm run (?:--silent )?([\w:-]+)(?: -- .*)?$/.exec(line) ?? [];
      if (line === "npm ci") return [];
      if (script === undefined) return [`"${line}" is no npm script.`];
      if (!scripts.includes(script)) return [`"${line}" names a script that does not exist.`];
      const inputs = [...line.matchAll(/\$\{\{\s*([^}\s]+)\s*\}\}/g)].map(([, input]) => input ?? "");
      return inputs
        .filter((input) => !input.startsWith("matrix."))
        .map((input) => `"${line}" puts ${input} into a command line, which others may choose.`);
    });
}
