import { untilAborted } from "@acme/shared/timeout";
import type { Overview } from "../../admin/overview.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { style, type Output } from "../output/output.ts";
import { formatDuration } from "../output/time.ts";
import { countText } from "../output/count-text.ts";
import { renderBacklog } from "../render/statistics.ts";
import { renderFindings } from "../render/findings.ts";
import type { ExitCode } from "../run-action.ts";
import type { Program, Run } from "../program.ts";

/** `status`, which is also what the bare command does. */
export function addStatusCommand(program: Program, run: Run): void {
  const status = createCommand("status", {
    description: "Say what is wrong and how the queue does. Exits with 1 if a person is needed.",
    examples: ["", "status --json"],
  });
  status.action(() => run(printStatus));
  program.addCommand(status);
}

async function printStatus({ openJobs, output, signal }: CliContext): Promise<ExitCode> {
  const { admin } = await openJobs();
  // What keeps the overview from being read is among the findings.
  const reading = Promise.all([admin.doctor(), admin.overview().catch(() => undefined)]);
  const [findings, overview] = await untilAborted(signal, reading);
  output.result({ findings, overview }, () =>
    [
      ...(findings.length === 0
        ? [`${style("green", "✔")} Nothing is wrong.`]
        : [renderFindings(findings, { withWhy: false })]),
      ...(overview === undefined ? [] : [renderOverview(output, overview)]),
    ].join("\n\n"),
  );
  return findings.some(({ severity }) => severity === "error") ? 1 : 0;
}

function renderOverview(output: Output, overview: Overview): string {
  const { due, scheduled, locked, dead, oldestDueAgeMs, workersAlive, outbox, sampledAt, isCapped } = overview;
  const least = isCapped ? "at least " : "";
  const oldest = due > 0 ? `, the oldest for ${formatDuration(oldestDueAgeMs)}` : "";
  return [
    `  ${least}${count(due)} due${oldest} · ${count(scheduled)} scheduled · ${count(locked)} locked · ${countText(dead, "dead letter")}`,
    `  ${countText(workersAlive, "worker")} alive${outbox === undefined ? "" : ` · outbox ${renderBacklog(outbox)}`}`,
    style("dim", sampledAt === undefined ? "  counted now" : `  counted ${output.time(sampledAt)}`),
  ].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en");
}
