import { readPauses, type PauseRow } from "../graphile/pauses-table.ts";
import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named, shellWord } from "./words.ts";

/** What is paused, so that nobody forgets it. */
export async function checkPauses({ db }: Target): Promise<readonly Finding[]> {
  const pauses = await readPauses(db);
  const oldest = pauses.toSorted((a, b) => b.ageMs - a.ageMs)[0];
  if (oldest === undefined) return [];
  const unknown = pauses.filter(({ isKnown }) => !isKnown).map(describe);
  const wrong = unknown.length === 0 ? "" : ` No worker has had ${few(unknown)} yet: the name may be wrong.`;
  return [
    finding({
      code: "PAUSED",
      severity: "warning",
      what: `Somebody has paused ${few(pauses.map(describe))}, ${pauses.length === 1 ? "" : "the oldest pause "}${duration(oldest.ageMs)} ago.${wrong}`,
      why: "Jobs of it wait until it is resumed, and more may come.",
      mend: "Resume it when the reason has passed.",
      command: `acme-jobs resume ${flagOf(oldest)}`,
    }),
  ];
}

function describe({ kind, name }: PauseRow): string {
  if (kind === "everything") return kind;
  return `${kind === "task" ? "the task" : "the queue"} ${named(name)}`;
}

function flagOf({ kind, name }: PauseRow): string {
  return kind === "everything" ? "--everything" : `--${kind} ${shellWord(name)}`;
}
