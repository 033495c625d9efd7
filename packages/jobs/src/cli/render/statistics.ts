import type { Overview } from "../../admin/overview.ts";
import type { TaskMinute } from "../../admin/task-minutes.ts";
import type { TaskStatistics } from "../../admin/task-statistics.ts";
import type { WorkerInfo } from "../../worker/worker-info.ts";
import { style, type Output } from "../output/output.ts";
import { printable } from "../output/printable.ts";
import { formatDuration } from "../output/time.ts";

/** All that the statistics show. */
export interface Statistics {
  readonly overview: Overview;
  readonly tasks: readonly TaskStatistics[];
  readonly workers: readonly WorkerInfo[];
  readonly minutes: readonly TaskMinute[];
}

const barMinutes = 10;
const bars = "▁▂▃▄▅▆▇█";

/** Statistics as text: a table of the tasks, and a line about workers and outbox. */
export function renderStatistics(
  output: Output,
  { overview, tasks, workers, minutes }: Statistics,
  now = Date.now(),
): string {
  const table =
    tasks.length === 0
      ? "No tasks."
      : output.table(
          [
            { title: "TASK", value: ({ task }) => task, isCut: true },
            { title: "DUE", value: ({ due }) => due, align: "right" },
            { title: "SCHEDULED", value: ({ scheduled }) => scheduled, align: "right" },
            { title: "LOCKED", value: ({ locked }) => locked, align: "right" },
            {
              title: "OLDEST DUE",
              value: ({ due, oldestDueAgeMs }) => (due > 0 ? formatDuration(oldestDueAgeMs) : undefined),
              align: "right",
            },
            { title: "LAST MINUTES", value: ({ task }) => renderBars(minutes, task, now) },
            { title: "DONE/MIN", value: ({ donePerMinute }) => rate(donePerMinute), align: "right" },
            { title: "FAILED/MIN", value: ({ failedPerMinute }) => rate(failedPerMinute), align: "right" },
            { title: "P50", value: ({ runMs }) => runMs && formatDuration(runMs.p50), align: "right" },
            { title: "P95", value: ({ runMs }) => runMs && formatDuration(runMs.p95), align: "right" },
            { title: "DEAD", value: ({ dead }) => dead, align: "right" },
          ],
          tasks,
        );
  return [table, "", renderWorkers(workers), renderFoot(output, overview)]
    .filter((line) => line !== undefined)
    .join("\n");
}

function rate(perMinute: number): string {
  return perMinute >= 10 || Number.isInteger(perMinute)
    ? Math.round(perMinute).toLocaleString("en")
    : perMinute.toFixed(1);
}

/** What was done in each of the last minutes, the latest to the right. */
function renderBars(minutes: readonly TaskMinute[], task: string, now: number): string {
  const counts = Array.from({ length: barMinutes }, () => 0);
  for (const { minute, task: of, done } of minutes) {
    const ago = Math.floor(now / 60_000) - Math.floor(minute.getTime() / 60_000);
    const index = barMinutes - 1 - ago;
    if (of === task && index >= 0 && index < barMinutes) counts[index] = (counts[index] ?? 0) + done;
  }
  const most = Math.max(...counts);
  return counts.map((count) => bars[most === 0 ? 0 : Math.ceil((count / most) * (bars.length - 1))]).join("");
}

function renderWorkers(workers: readonly WorkerInfo[]): string {
  if (workers.length === 0) return style("red", "No worker is alive.");
  const texts = workers.map(({ about, poolId, running, isAlive }) => {
    const name = about === undefined ? poolId : (about.name ?? `${about.host}:${about.pid}`);
    const load = running === undefined ? "" : ` ${running}/${about?.concurrency ?? "?"}`;
    return `${printable(name)}${load}${isAlive ? "" : " (dead)"}`;
  });
  return `WORKERS  ${texts.join("   ")}`;
}

function renderFoot(output: Output, { outbox, sampledAt, isCapped }: Overview): string {
  const counted = sampledAt === undefined ? "counted now" : `counted ${output.time(sampledAt)}`;
  const waits = outbox === undefined ? "" : `OUTBOX ${renderBacklog(outbox)} · `;
  return style("dim", `${waits}${counted}${isCapped ? " · there may be more than counted" : ""}`);
}

/** What waits in the outbox: `empty`, `12, the oldest for 3 s`, or why that is not known. */
export function renderBacklog(outbox: NonNullable<Overview["outbox"]>): string {
  if (typeof outbox === "string") return outbox;
  const { pendingCount, oldestAgeMs } = outbox;
  return pendingCount === 0
    ? "empty"
    : `${pendingCount.toLocaleString("en")}, the oldest for ${formatDuration(oldestAgeMs)}`;
}
