import { nextPage } from "../next-page.ts";
import type { DeadLetter, DeadLetterFilter } from "../../dead-letters/dead-letter.ts";
import type { CliContext } from "../context.ts";
import { createCommand } from "../command.ts";
import { parseCount } from "../input/count.ts";
import { renderDeadLetter } from "../render/dead-letter.ts";
import { describeOrigin } from "../render/origin.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";
import { addDeadChanges } from "./dead-changes.ts";
import { withDeadFilter } from "./dead-filter.ts";
import { notFound } from "../not-found.ts";

/** `dead …`: jobs that have failed for good. */
export function addDeadCommands(program: Program, run: Run): void {
  const dead = createCommand("dead", {
    description: "Dead letters: jobs that have failed for good.",
    examples: ["dead list --group", 'dead retry --task sendReceipt --error "timed out"'],
  });
  addList(dead, run);
  addShow(dead, run);
  addDeadChanges(dead, run);
  program.addCommand(dead);
}

type Parent = ReturnType<typeof createCommand>;

function addList(dead: Parent, run: Run): void {
  const list = withDeadFilter(
    createCommand("list", {
      description: "List dead letters, the latest first.",
      examples: ["dead list --group", "dead list --task sendReceipt --since 2h"],
    }),
  )
    .option("--group", "count them by task and error")
    .option("--limit <count>", "how many", parseCount(1, 1_000), 50)
    .option("--after <cursor>", "go on after this one");
  list.action(async ({ group, limit, after, ...filter }) => {
    await run((context) =>
      group
        ? printGroups(context, filter)
        : printList(context, filter, { limit, ...(after !== undefined && { after }) }),
    );
  });
  dead.addCommand(list);
}

async function printGroups(context: CliContext, filter: DeadLetterFilter): Promise<void> {
  const { output } = context;
  const jobs = await context.openJobs();
  const { groups, isCapped } = await withinTimeout(context, jobs.deadLetters.groups(filter));
  output.result({ groups, isCapped }, () =>
    groups.length === 0
      ? "No dead letters."
      : output.table(
          [
            { title: "TASK", value: ({ task }) => task },
            { title: "COUNT", value: ({ count }) => count, align: "right" },
            { title: "FIRST", value: ({ firstDiedAt }) => output.time(firstDiedAt) },
            { title: "LAST", value: ({ lastDiedAt }) => output.time(lastDiedAt) },
            { title: "ERROR", value: ({ error }) => error, isCut: true },
          ],
          groups,
        ),
  );
  if (isCapped) output.remark("There are more: only the latest 50,000 were read.");
}

async function printList(
  context: CliContext,
  filter: DeadLetterFilter,
  page: { readonly limit: number; readonly after?: string },
): Promise<void> {
  const { output } = context;
  const jobs = await context.openJobs();
  const letters = await withinTimeout(context, jobs.deadLetters.list({ ...filter, ...page }));
  const next = letters.length === page.limit ? letters.at(-1)?.cursor : undefined;
  const shown = letters.map(withoutPayload);
  output.result({ deadLetters: shown, next }, () =>
    shown.length === 0
      ? "No dead letters."
      : output.table(
          [
            { title: "ID", value: ({ id }) => id },
            { title: "TASK", value: ({ task }) => task },
            { title: "DIED", value: ({ diedAt }) => output.time(diedAt) },
            { title: "ATTEMPTS", value: ({ attempts }) => attempts, align: "right" },
            { title: "FROM", value: ({ origin }) => describeOrigin(origin), isCut: true },
            { title: "ERROR", value: ({ reason }) => reason, isCut: true },
          ],
          shown,
        ),
  );
  if (next !== undefined) output.remark(nextPage(next));
}

function addShow(dead: Parent, run: Run): void {
  const show = createCommand("show", {
    description: "Show one dead letter with all its errors.",
    examples: ["dead show 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e --stack"],
  })
    .argument("<id>", "the id that enqueue returned")
    .option("--stack", "print the stacks of the errors")
    .option("--show-payload", "print the payload, which may be personal data");
  show.action(async (id, { stack, showPayload }) => {
    await run(async (context) => {
      const jobs = await context.openJobs();
      const letter = await withinTimeout(context, jobs.deadLetters.get(id));
      if (letter === undefined) throw notFound("dead letter", id);
      const shown = withoutPayload(letter);
      context.output.result(showPayload ? letter : shown, () =>
        renderDeadLetter(context.output, shown, {
          withStacks: stack === true,
          payload: showPayload ? JSON.stringify(letter.payload, undefined, 2) : undefined,
        }),
      );
    });
  });
  dead.addCommand(show);
}

function withoutPayload(letter: DeadLetter): Omit<DeadLetter, "payload"> {
  const { payload: _payload, ...rest } = letter;
  return rest;
}
