import { Option } from "@commander-js/extra-typings";
import type { Admin } from "../../admin/admin.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { formatJson } from "../output/json.ts";
import { renderPrometheus } from "../render/prometheus.ts";
import { renderStatistics, type Statistics } from "../render/statistics.ts";
import type { Program, Run } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { watch } from "../watch.ts";
import { withinTimeout } from "../within-timeout.ts";

type Format = "table" | "json" | "prometheus";

/** `stats`: numbers by task. */
export function addStatsCommand(program: Program, run: Run): void {
  const stats = createCommand("stats", {
    description: "Numbers by task: what waits, how long, what was done and what failed.",
    examples: ["stats", "stats --watch", "stats --format prometheus"],
  })
    .option("--task <task>", "only this task")
    .option("--watch", "show them anew every two seconds, until q or Ctrl-C")
    .addOption(
      new Option("--format <format>", "how to print them")
        .choices(["table", "json", "prometheus"] as const)
        .default("table" as const),
    );
  stats.action(({ task, watch: isWatched, format }) =>
    run(async (context) => {
      const { admin } = await context.openJobs();
      const read = () => readStatistics(context, admin, task);
      if (isWatched) {
        if (format !== "table" || context.options.json) throw new UsageError("--watch shows a table.");
        return watch(context, async () => renderStatistics(context.output, await read()));
      }
      print(context, await read(), format);
    }),
  );
  program.addCommand(stats);
}

async function readStatistics(context: CliContext, admin: Admin, task: string | undefined): Promise<Statistics> {
  const reading = Promise.all([
    admin.overview(),
    admin.tasks(),
    admin.workers({ countLocked: false }),
    admin.minutes({ ...(task && { task }) }),
  ]);
  const [overview, tasks, workers, minutes] = await withinTimeout(context, reading);
  return { overview, tasks: task === undefined ? tasks : tasks.filter((each) => each.task === task), workers, minutes };
}

function print({ output, options }: CliContext, statistics: Statistics, format: Format): void {
  if (format === "prometheus") return void process.stdout.write(renderPrometheus(statistics));
  const { overview, tasks, workers } = statistics;
  if (format === "json" && !options.json) {
    return void process.stdout.write(`${formatJson({ overview, tasks, workers }, 2)}\n`);
  }
  output.result({ overview, tasks, workers }, () => renderStatistics(output, statistics));
}
