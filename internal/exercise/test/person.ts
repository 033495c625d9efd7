import { once } from "node:events";
import type { DeadLetterGroup, Finding, JobSummary } from "@acme/jobs";
import { runCli, startCli, type Databases } from "./run-cli.ts";
import { readRunbook, type Command, type Entry } from "./runbook.ts";

/** Somebody on call: knows what was said to them, the runbook, and what the commands print. */
export async function callPerson(symptom: string, databases: Databases): Promise<{ goHome(): Promise<void> }> {
  const ask = async <Answer>(words: readonly string[]) => {
    const { stdout } = await runCli([...words, "--json"], databases);
    return JSON.parse(stdout) as Answer;
  };
  const entry = await findEntry(symptom, () => ask<{ readonly findings: readonly Finding[] }>(["status"]));
  const say = async (start: string, replace: (words: readonly string[]) => readonly string[] = (words) => words) => {
    const { exitCode, stderr } = await runCli(replace(commandOf(entry, start).words), databases);
    if (exitCode === 2) throw new Error(`"acme-jobs ${start}" as the runbook has it: ${stderr}`);
    return exitCode;
  };
  switch (entry.title) {
    case "Backlog growing": {
      const worker = startCli(commandOf(entry, "worker --").words, databases);
      return {
        async goHome() {
          if (worker.exitCode !== null) throw new Error(`The worker has ended by itself, with ${worker.exitCode}.`);
          worker.kill("SIGINT");
          await once(worker, "exit");
        },
      };
    }
    case "Failures": {
      const { groups } = await ask<{ readonly groups: readonly DeadLetterGroup[] }>(
        commandOf(entry, "dead list").words,
      );
      const worst = groups.toSorted((a, b) => b.count - a.count)[0];
      await say("dead retry", (words) => withoutDryRun(withTask(words, worst?.task ?? "")));
      break;
    }
    case "Poison job": {
      const { jobs } = await ask<{ readonly jobs: readonly JobSummary[] }>(commandOf(entry, "jobs list").words);
      const discard = () =>
        say("jobs discard", (words) => words.map((word) => (/-7[0-9a-f]{3}-/.test(word) ? (jobs[0]?.id ?? "") : word)));
      // A worker had it just then. The runbook says: try again.
      while ((await discard()) !== 0);
      break;
    }
    case "Jobs put off by mistake": {
      const { jobs } = await ask<{ readonly jobs: readonly JobSummary[] }>(commandOf(entry, "jobs list").words);
      const task = jobs.map((job) => job.task).find((name) => isSpokenOf(name, symptom));
      await say("jobs run-now", (words) => withoutDryRun(withTask(words, task ?? "")));
      break;
    }
    case "Stuck job":
      await say("doctor --fix");
      break;
    default:
      throw new Error(`Nobody has told me what to do about "${entry.title}".`);
  }
  return { goHome: async () => undefined };
}

/** By a code of a finding, or else by the line of the table that has most words in common with the symptom. */
async function findEntry(
  symptom: string,
  readStatus: () => Promise<{ readonly findings: readonly Finding[] }>,
): Promise<Entry> {
  const { entries } = readRunbook();
  const { findings } = await readStatus();
  const byCode = entries.find(({ codes }) => findings.some(({ code }) => codes.includes(code)));
  const likeness = (entry: Entry) =>
    new Set(wordsOf(symptom).filter((word) => wordsOf(entry.symptom).includes(word))).size;
  const entry = byCode ?? entries.toSorted((a, b) => likeness(b) - likeness(a))[0];
  if (entry === undefined) throw new Error("The runbook is empty.");
  return entry;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]{4,}/g) ?? [];
}

/** "sendOffer" is spoken of where offers are missed. What stands in brackets is a warning. */
function isSpokenOf(task: string, symptom: string): boolean {
  const words = wordsOf(symptom.replace(/\(.*?\)/g, ""));
  return words.some((word) => task.toLowerCase().includes(word.replace(/s$/, "")));
}

function commandOf({ title, commands }: Entry, start: string): Command {
  const command = commands.find(({ text }) => text.startsWith(start));
  if (command === undefined) throw new Error(`"${title}" has no command "${start} …".`);
  return command;
}

function withTask(words: readonly string[], task: string): readonly string[] {
  return words.map((word, index) => (words[index - 1] === "--task" ? task : word));
}

/** Looked at, and done. */
function withoutDryRun(words: readonly string[]): readonly string[] {
  return words.map((word) => (word === "--dry-run" ? "--yes" : word));
}
