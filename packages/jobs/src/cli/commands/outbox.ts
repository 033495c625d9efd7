import { nextPage } from "../next-page.ts";
import { formatDuration } from "../output/time.ts";
import { describeOrigin } from "../render/origin.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";
import { createPagedCommand } from "./paged-command.ts";

/** `outbox`: what waits for a relay. */
export function addOutboxCommand(program: Program, run: Run): void {
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
