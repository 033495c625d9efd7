import type { InjectedCommitFaults } from "./break-commits.ts";
import type { InjectedFaults } from "./injected-faults.ts";
import type { Blip, BrokenCommit, TimeLimit } from "./faults.ts";
import type { Finding } from "./questions.ts";
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
      `phantom ${count("phantom")} · duplicated ${count("duplicated")} · locks ${count("locks")} · ` +
      `inversions ${count("inverted")} · queues stuck ${count("stuck")}`,
    ...describeFigures(report),
    ...(drain.isDrained ? [] : [`WRONG: not drained after ${drain.tookMs} ms`]),
    ...findings.map(describeFinding),
    ...anomalies.map((anomaly) => `WRONG: ${anomaly}`),
  ].join("\n");
}

function describeFigures({ injected, ledger, drain, recovery, openWithoutOutageCount }: SoakReport): string[] {
  const killed = (kind: string) => injected.kills.filter(({ label }) => label.startsWith(kind)).length;
  return [
    `faults: ${killed("writer")} writers, ${killed("worker")} workers and ${killed("relay")} relays killed, ` +
      `${injected.pauseCount} relays paused, ${injected.terminatedCount} backends terminated`,
    `server: ${injected.crashCount} crashes by a killed backend, ${injected.restartCounts.fast} restarts, ` +
      `${injected.restartCounts.immediate} immediate stops with recovery, ${injected.failoverCount} failovers`,
    describeCommits(injected.commits),
    describeHindrances(injected),
    `units: ${ledger.confirmed.size} orders confirmed, ${ledger.refused.size} refused, ${ledger.unknown.size + ledger.unresolved.size} of unknown outcome, ` +
      `${openWithoutOutageCount} of them with events and without an outage of the server`,
    `recovery: ${recovery.count} runs cut off by a kill began again, median ${recovery.medianMs} ms, longest ${recovery.longestMs} ms; ` +
      `drained ${drain.tookMs} ms after the last fault`,
  ];
}

function describeCommits({ met, unmetCount }: InjectedCommitFaults): string {
  const broken = (how: BrokenCommit["how"]) => met.filter((fault) => fault.how === how).length;
  const of = (kind: string) => met.filter(({ target }) => target.startsWith(kind)).length;
  return (
    `commits: ${broken("drop-reply")} replies lost, ${broken("cut-before")} cut off before, ` +
    `${broken("hold-reply")} replies held (writers ${of("writer")}, workers ${of("worker")}, relays ${of("relay")}); ` +
    `${unmetCount} faults met no COMMIT in time`
  );
}

function describeHindrances({ blips, limits, locks, held }: InjectedFaults): string {
  const cut = (how: Blip["how"]) => blips.filter((blip) => blip.how === how).length;
  const ofAll = blips.filter(({ target }) => target === "all").length;
  const ended = (setting: TimeLimit["setting"]) => limits.filter((limit) => limit.setting === setting).length;
  return (
    `network: ${cut("cut")} times cut and ${cut("silent")} silent for 1 to 10 s, ${ofAll} of them for all; ` +
    `limits: statement_timeout ${ended("statement_timeout")}, lock_timeout ${ended("lock_timeout")}; tables locked ${locks.length} times, jobs held ${held.length} times`
  );
}

function describeFinding({ verdict, what, ids }: Finding): string {
  const shown = ids.slice(0, mostIds).join(", ");
  const more = ids.length > mostIds ? `, and ${ids.length - mostIds} more` : "";
  return `WRONG (${verdict}): ${what}: ${shown}${more}`;
}
