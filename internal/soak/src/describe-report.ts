import type { CommitDamage } from "./break-commits.ts";
import type { BrokenCommit } from "./fault-plan.ts";
import type { Finding } from "./reconcile.ts";
import type { SoakReport } from "./run-soak.ts";

const mostIds = 20;

export function isClean({ findings, anomalies, drain }: SoakReport): boolean {
  return findings.length === 0 && anomalies.length === 0 && drain.isDrained;
}

/** One line that says it all, the figures, and the ids of whatever is wrong. */
export function describeReport(report: SoakReport): string {
  const count = (verdict: Finding["verdict"]) => {
    const found = report.findings.filter((finding) => finding.verdict === verdict);
    return new Set(found.flatMap(({ ids }) => ids)).size;
  };
  const { committed, enqueued, effects, findings, anomalies, drain } = report;
  return [
    `committed ${committed} · enqueued ${enqueued} · effects ${effects} · lost ${count("lost")} · ` +
      `phantom ${count("phantom")} · duplicated ${count("duplicated")} · locks ${count("locks")}`,
    ...describeFigures(report),
    ...(drain.isDrained ? [] : [`WRONG: not drained after ${drain.tookMs} ms`]),
    ...findings.map(describeFinding),
    ...anomalies.map((anomaly) => `WRONG: ${anomaly}`),
  ].join("\n");
}

function describeFigures({ damage, ledger, drain, recovery, openWithoutOutageCount }: SoakReport): string[] {
  const killed = (kind: string) => damage.kills.filter(({ label }) => label.startsWith(kind)).length;
  return [
    `faults: ${killed("writer")} writers, ${killed("worker")} workers and ${killed("relay")} relays killed, ` +
      `${damage.pauseCount} relays paused, ${damage.terminatedCount} backends terminated`,
    `server: ${damage.crashCount} crashes by a killed backend, ${damage.restartCounts.fast} restarts, ` +
      `${damage.restartCounts.immediate} immediate stops with recovery, ${damage.failoverCount} failovers`,
    describeCommits(damage.commits),
    `units: ${ledger.confirmed.size} orders confirmed, ${ledger.refused.size} refused, ${ledger.unknown.size + ledger.unresolved.size} of unknown outcome, ` +
      `${openWithoutOutageCount} of them with events and without an outage of the server`,
    `recovery: ${recovery.count} runs cut off by a kill began again, median ${recovery.medianMs} ms, longest ${recovery.longestMs} ms; ` +
      `drained ${drain.tookMs} ms after the last fault`,
  ];
}

function describeCommits({ met, unmetCount }: CommitDamage): string {
  const broken = (how: BrokenCommit["how"]) => met.filter((fault) => fault.how === how).length;
  const of = (kind: string) => met.filter(({ target }) => target.startsWith(kind)).length;
  return (
    `commits: ${broken("drop-reply")} replies lost, ${broken("cut-before")} cut off before, ` +
    `${broken("hold-reply")} replies held (writers ${of("writer")}, workers ${of("worker")}, relays ${of("relay")}); ` +
    `${unmetCount} faults met no COMMIT in time`
  );
}

function describeFinding({ verdict, what, ids }: Finding): string {
  const shown = ids.slice(0, mostIds).join(", ");
  const more = ids.length > mostIds ? `, and ${ids.length - mostIds} more` : "";
  return `WRONG (${verdict}): ${what}: ${shown}${more}`;
}
