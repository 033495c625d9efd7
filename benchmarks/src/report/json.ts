import type { JudgedResult, Report } from "./report.ts";
import { versionOf } from "./versions.ts";

/** For machines: every figure of every run. */
export function toJson({ machine, size, command, seconds, servers, results }: Report) {
  return { machine, size, command, seconds, servers, cases: results.map(toCase) };
}

function toCase({ benchmark, case: { name, metrics, contestants }, figures, troubles, verdicts }: JudgedResult) {
  return {
    benchmark,
    case: name,
    metrics,
    contestants: contestants.map((contestant) => ({
      name: contestant.name,
      settings: contestant.settings,
      version: contestant.package === undefined ? null : versionOf(contestant.package),
      trouble: troubles.get(contestant.name) ?? null,
      runs: (figures.get(contestant.name) ?? []).map((run) => run ?? null),
    })),
    goals: verdicts.map(({ goal, text, ratio, holds }) => ({
      ...goal,
      text,
      ratio: ratio ?? null,
      holds: holds ?? null,
    })),
  };
}
