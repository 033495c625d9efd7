import type { Contestant, Metric } from "../benchmark.ts";
import type { Verdict } from "../measure/judge.ts";
import { valuesOf } from "../measure/results.ts";
import { spreadOf } from "../measure/statistics.ts";
import { factor, figure } from "./numbers.ts";
import type { JudgedResult, Report } from "./report.ts";
import { table } from "./table.ts";
import { versionOf } from "./versions.ts";

/** The whole report; it reads in a terminal as well. */
export function writeMarkdown(report: Report): string {
  const { benchmarks, results } = report;
  return [
    "# Benchmarks",
    ...head(report),
    "## Goals",
    goalTable(results),
    ...benchmarks.flatMap(({ name, work }) => [
      `## ${name}`,
      `${work[0]?.toUpperCase()}${work.slice(1)}.`,
      ...results.filter(({ benchmark }) => benchmark === name).flatMap(caseSection),
    ]),
    "## Settings",
    settings(results),
  ].join("\n\n");
}

function head({ machine, command, seconds, size, servers }: Report): string[] {
  const { cpu, cores, memoryGb, platform, node, at, load, isBusy } = machine;
  const { server_version, ...options } = servers.postgres;
  const described = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return [
    `\`${command}\` (${size} size, ${seconds} s) at ${at} on ${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}. ` +
      `PostgreSQL ${server_version}: ${described.join(", ")}. ` +
      (servers.redis === undefined ? "No redis-server found: BullMQ is skipped." : `Redis ${servers.redis}.`),
    ...(isBusy ? [`**The machine was busy (load ${load.toFixed(1)}): these figures are worth little.**`] : []),
  ];
}

function goalTable(results: readonly JudgedResult[]): string {
  const rows = results.flatMap(({ benchmark, case: { name }, verdicts }) =>
    verdicts.map((verdict) => [benchmark, name, verdict.text, ratioOf(verdict), wordOf(verdict)]),
  );
  return table(["benchmark", "case", "goal", "median (least–most)", "verdict"], rows);
}

function ratioOf({ ratio, goal }: Verdict): string {
  if (ratio === undefined) return "–";
  const show = goal.kind === "value" ? figure : factor;
  return `${show(ratio.median)} (${show(ratio.least)}–${show(ratio.most)})`;
}

function wordOf({ holds, missedBy }: Verdict): string {
  if (holds === undefined || missedBy === undefined) return "no figures";
  return holds ? "holds" : `misses by ${factor(missedBy)}`;
}

function caseSection(result: JudgedResult): string[] {
  const { metrics, contestants, name } = result.case;
  const rows = contestants
    .filter((contestant) => result.figures.has(contestant.name) || result.troubles.has(contestant.name))
    .map((contestant) => [
      contestant.name,
      ...metrics.map((metric) => valueOf(result, contestant, metric)),
      runsOf(result, contestant),
    ]);
  const columns = ["contestant", ...metrics.map((metric) => `${metric.name} in ${metric.unit} (least–most)`), "runs"];
  return [`### ${name}`, table(columns, rows)];
}

function valueOf(result: JudgedResult, contestant: Contestant, { name }: Metric): string {
  const values = valuesOf(result, contestant.name, name);
  if (values.length === 0) return "–";
  const { median, least, most } = spreadOf(values);
  return `${figure(median)} (${figure(least)}–${figure(most)})`;
}

function runsOf({ figures, troubles }: JudgedResult, { name }: Contestant): string {
  const runs = String(figures.get(name)?.filter((run) => run !== undefined).length ?? 0);
  const trouble = troubles.get(name);
  return trouble === undefined ? runs : `${runs}; ${trouble}`;
}

function settings(results: readonly JudgedResult[]): string {
  const seen = new Map<string, string[]>();
  for (const { benchmark, case: one } of results) {
    for (const contestant of one.contestants) {
      const version = contestant.package === undefined ? "" : versionOf(contestant.package);
      seen.set([benchmark, contestant.name, contestant.settings].join(" "), [
        benchmark,
        contestant.name,
        version,
        contestant.settings,
      ]);
    }
  }
  return table(["benchmark", "contestant", "version", "settings"], [...seen.values()]);
}
