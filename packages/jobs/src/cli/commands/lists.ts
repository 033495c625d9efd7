import { createCommand } from "../command.ts";
import { parseCount } from "../input/count.ts";
import { nextPage } from "../next-page.ts";
import { describeOrigin } from "../render/origin.ts";
import { formatDuration } from "../output/time.ts";
import type { Program, Run } from "../run-cli.ts";
import { withinTimeout } from "../within-timeout.ts";

/** `workers`, `queues`, `outbox` and `tasks`. */
export function addListCommands(program: Program, run: Run): void {
  addWorkers(program, run);
  addQueues(program, run);
  addOutbox(program, run);
  addTasks(program, run);
}

function addWorkers(program: Program, run: Run): void {
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

/** A command that lists page by page. */
function createPagedCommand(name: string, description: string) {
  return createCommand(name, { description, examples: [name, `${name} --limit 10`] })
    .option("--limit <count>", "how many", parseCount(1, 1_000), 50)
    .option("--after <cursor>", "go on after this one");
}

function addQueues(program: Program, run: Run): void {
  const queues = createPagedCommand(
    "queues",
    "List the named queues that have jobs. A named queue runs one job at a time.",
  );
  queues.action(({ limit, after }) =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const page = await withinTimeout(context, admin.queues({ limit, ...(after !== undefined && { after }) }));
      output.result(page, () =>
        page.queues.length === 0
          ? "No named queues with jobs."
          : output.table(
              [
                { title: "QUEUE", value: ({ queue }) => queue, isCut: true },
                { title: "JOBS", value: ({ count }) => count, align: "right" },
                { title: "DUE", value: ({ dueCount }) => dueCount, align: "right" },
                {
                  title: "OLDEST DUE",
                  value: ({ oldestDueAgeMs }) => (oldestDueAgeMs > 0 ? formatDuration(oldestDueAgeMs) : undefined),
                  align: "right",
                },
                { title: "HEAD JOB", value: ({ headJobId }) => headJobId },
                { title: "TASK", value: ({ headTask }) => headTask },
                { title: "LOCKED", value: ({ lockedAt }) => lockedAt && output.time(lockedAt) },
                { title: "BY", value: ({ lockedBy }) => lockedBy },
              ],
              page.queues,
            ),
      );
      if (page.isCapped) output.remark("There are more jobs than were looked at: counts are the least that there are.");
      if (page.next !== undefined) output.remark(nextPage(page.next));
    }),
  );
  program.addCommand(queues);
}

function addOutbox(program: Program, run: Run): void {
  const outbox = createPagedCommand("outbox", "List the jobs that wait in the outbox for a relay.");
  outbox.action(({ limit, after }) =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const page = await withinTimeout(context, admin.outbox({ limit, ...(after !== undefined && { after }) }));
      output.result(page ?? null, () => {
        if (page === undefined) return "There is no outbox: jobs are written to the queue directly.";
        if (page.pendingCount === 0) return "The outbox is empty.";
        const head = `${page.pendingCount.toLocaleString("en")} wait, the oldest for ${formatDuration(page.oldestAgeMs)}.`;
        const table = output.table(
          [
            { title: "ID", value: ({ id }) => id },
            { title: "TASK", value: ({ task }) => task },
            { title: "ENQUEUED", value: ({ enqueuedAt }) => output.time(enqueuedAt) },
            { title: "RUN AT", value: ({ runAt }) => runAt && output.time(runAt) },
            { title: "KEY", value: ({ key }) => key, isCut: true },
            { title: "FROM", value: ({ origin }) => describeOrigin(origin), isCut: true },
          ],
          page.rows,
        );
        return `${head}\n${table}`;
      });
      if (page?.next !== undefined) output.remark(nextPage(page.next));
    }),
  );
  program.addCommand(outbox);
}

function addTasks(program: Program, run: Run): void {
  const tasks = createCommand("tasks", {
    description: "List the tasks, and whether a living worker knows them.",
    examples: ["tasks"],
  });
  tasks.action(() =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const listed = await withinTimeout(context, admin.tasks());
      output.result({ tasks: listed }, () =>
        listed.length === 0
          ? "No tasks."
          : output.table(
              [
                { title: "TASK", value: ({ task }) => task },
                { title: "WORKER", value: ({ isKnownByWorker }) => (isKnownByWorker ? "yes" : "none alive") },
                { title: "LAST KNOWN", value: ({ knownAt }) => knownAt && output.time(knownAt) },
                { title: "JOBS", value: ({ due, scheduled, locked }) => due + scheduled + locked, align: "right" },
                { title: "DEAD", value: ({ dead }) => dead, align: "right" },
              ],
              listed,
            ),
      );
    }),
  );
  program.addCommand(tasks);
}
