import { createCommand } from "../command.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";

/** `workers`: who runs the jobs. */
export function addWorkersCommand(program: Program, run: Run): void {
  const workers = createCommand("workers", {
    description: "List the workers, and those that died and left jobs.",
    examples: ["workers"],
  });
  workers.action(() =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const listed = await withinTimeout(context, admin.workers());
      output.result({ workers: listed }, () =>
        listed.length === 0
          ? "No workers."
          : output.table(
              [
                {
                  title: "WORKER",
                  value: ({ about, poolId }) => (about ? (about.name ?? `${about.host}:${about.pid}`) : poolId),
                },
                { title: "STATE", value: ({ isAlive }) => (isAlive ? "alive" : "dead") },
                { title: "HOST", value: ({ about }) => about?.host },
                { title: "PID", value: ({ about }) => about && String(about.pid), align: "right" },
                { title: "VERSION", value: ({ about }) => about?.version ?? "older" },
                { title: "NODE", value: ({ about }) => about?.node },
                {
                  title: "RUNNING",
                  value: ({ running, about }) =>
                    running === undefined ? undefined : `${running}/${about?.concurrency ?? "?"}`,
                  align: "right",
                },
                { title: "LOCKED", value: ({ lockedCount }) => lockedCount, align: "right" },
                { title: "STARTED", value: ({ startedAt }) => output.time(startedAt) },
                {
                  title: "HEARTBEAT",
                  value: ({ heartbeatAt }) =>
                    Number.isFinite(heartbeatAt.getTime()) ? output.time(heartbeatAt) : undefined,
                },
                { title: "TASKS", value: ({ about }) => about?.tasks.join(" "), isCut: true },
              ],
              listed,
            ),
      );
    }),
  );
  program.addCommand(workers);
}
