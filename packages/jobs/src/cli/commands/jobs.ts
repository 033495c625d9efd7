import { nextPage } from "../next-page.ts";
import type { Admin } from "../../admin/admin.ts";
import type { JobFilter, Page } from "../../job/job-filter.ts";
import type { JobSummary } from "../../job/job-summary.ts";
import type { JobPage } from "../../admin/job-details.ts";
import { JobsError } from "../../errors.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { parseCount } from "../input/count.ts";
import { lookForJobs } from "../look-for-jobs.ts";
import { notFound } from "../not-found.ts";
import { renderJob } from "../render/job.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";
import { addJobChanges } from "./job-changes.ts";
import { jobFilterOf, withJobFilter } from "./job-filter.ts";

type Parent = ReturnType<typeof createCommand>;

/** `jobs …`: what is in the queue. */
export function addJobsCommands(program: Program, run: Run): void {
  const jobs = createCommand("jobs", {
    description: "Jobs in the queue.",
    examples: ["jobs list --task sendReceipt --failed", "jobs show 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e"],
  });
  addList(jobs, run);
  addShow(jobs, run);
  addJobChanges(jobs, run);
  program.addCommand(jobs);
}

function addList(jobs: Parent, run: Run): void {
  const list = withJobFilter(
    createCommand("list", {
      description: "List jobs, the oldest first.",
      examples: ["jobs list --task sendReceipt --state due", "jobs list --failed --limit 10"],
    }),
  )
    .option("--limit <count>", "how many", parseCount(1, 1_000), 50)
    .option("--after <cursor>", "go on after this one");
  list.action(async ({ limit, after, ...chosen }) => {
    const wanted = { ...jobFilterOf(chosen), limit, ...(after !== undefined && { after }) };
    await run((context) => printList(context, wanted));
  });
  jobs.addCommand(list);
}

async function printList(context: CliContext, wanted: JobFilter & Page): Promise<void> {
  const { output } = context;
  const jobs = await context.openJobs();
  const page = await withinTimeout(context, lookForJobs(jobs.admin, wanted));
  output.result(page, () =>
    page.jobs.length === 0
      ? noJobs(page)
      : output.table(
          [
            { title: "ID", value: ({ id, jobId }: JobSummary) => id ?? jobId },
            { title: "TASK", value: ({ task }) => task },
            { title: "STATE", value: ({ state }) => state },
            { title: "RUN AT", value: ({ runAt }) => output.time(runAt) },
            { title: "ATTEMPTS", value: ({ attempts }) => attempts, align: "right" },
            { title: "QUEUE", value: ({ queue }) => queue, isCut: true },
            { title: "KEY", value: ({ key }) => key, isCut: true },
            { title: "LAST ERROR", value: ({ lastError }) => lastError, isCut: true },
          ],
          page.jobs,
        ),
  );
  if (page.next !== undefined) output.remark(nextPage(page.next));
}

/** "No jobs." would be a lie if it has not looked at all of them. */
function noJobs({ next }: JobPage): string {
  return next === undefined ? "No jobs." : `No jobs up to number ${next}. Those behind it are not looked at yet.`;
}

function addShow(jobs: Parent, run: Run): void {
  const show = createCommand("show", {
    description: "Show one job with all its errors, wherever it is: queue, outbox or dead letters.",
    examples: ["jobs show 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e --stack"],
  })
    .argument("<id>", "the id that enqueue returned, or the jobId of the logs")
    .option("--stack", "print the stacks of the errors")
    .option("--show-payload", "print the payload, which may be personal data");
  show.action(async (id, { stack, showPayload }) => {
    await run(async (context) => {
      const { admin } = await context.openJobs();
      const details = await withinTimeout(context, admin.get(id));
      if (details === undefined) throw notFound("job", id);
      const payload = showPayload ? await withinTimeout(context, readPayload(admin, id)) : undefined;
      context.output.result({ ...details, ...(payload && { payload: payload.value }) }, () =>
        renderJob(context.output, details, {
          withStacks: stack === true,
          payload: payload && JSON.stringify(payload.value, undefined, 2),
        }),
      );
    });
  });
  jobs.addCommand(show);
}

/** `undefined` while a worker has the job. */
async function readPayload(admin: Admin, id: string): Promise<{ readonly value: unknown } | undefined> {
  try {
    return { value: await admin.payload(id) };
  } catch (error) {
    if (error instanceof JobsError && error.code === "JOB_LOCKED") return undefined;
    throw error;
  }
}
