import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named } from "./words.ts";
import { readWorkers } from "../worker/registered-workers.ts";

/** Whether a deployment was left half done. */
export async function checkVersions({ db, thresholds }: Target): Promise<readonly Finding[]> {
  const living = (await readWorkers(db, thresholds.deadWorkerMs)).filter(({ isAlive }) => isAlive);
  const counts = new Map<string, number>();
  for (const { about } of living) {
    const version = about === undefined ? "an older version" : named(about.version).slice(1, -1);
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  if (counts.size < 2) return [];
  const youngestMs = Math.min(...living.map(({ startedMsAgo }) => startedMsAgo));
  if (youngestMs < thresholds.mixedVersionsMs) return [];
  const versions = [...counts].map(([version, count]) => `${count} of ${version}`);
  return [
    finding({
      code: "VERSIONS_MIXED",
      severity: "warning",
      what: `Workers of ${counts.size} versions have run side by side for ${duration(youngestMs)}: ${few(versions, 5)}.`,
      why: "They work together, but the older ones lack what was mended since, and a task may have changed between them.",
      mend: "Finish the deployment, or roll it back everywhere.",
      command: "acme-jobs workers",
    }),
  ];
}
