import { changeLetters, discarding, purging, retrying } from "../change-letters.ts";
import { withChangeFlags } from "../changes.ts";
import { createCommand } from "../command.ts";
import { parseDuration } from "../input/duration.ts";
import type { Run } from "../program.ts";
import { retryMended } from "../retry-mended.ts";
import { withDeadFilter } from "./dead-filter.ts";

type Parent = ReturnType<typeof createCommand>;

/** `dead retry`, `dead discard` and `dead purge`. */
export function addDeadChanges(dead: Parent, run: Run): void {
  addRetry(dead, run);
  addDiscard(dead, run);
  addPurge(dead, run);
}

function addRetry(dead: Parent, run: Run): void {
  const retry = withChangeFlags(
    withDeadFilter(
      createCommand("retry", {
        description: "Make dead letters jobs again, with all attempts and the same idempotency keys.",
        examples: [
          "dead retry 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e",
          'dead retry --task sendReceipt --error "timed out" --yes',
        ],
      }),
    )
      .argument("[ids...]", "the ids that enqueue returned")
      .option("--all", "all that there are")
      .option("--payload <json>", "a mended payload for one id: JSON, @file or - for standard input"),
  );
  retry.action(async (ids, { payload, all, dryRun, yes, reason, ...filter }) => {
    const flags = { dryRun, yes, reason };
    await run(async (context) => {
      if (payload !== undefined) return retryMended(context, { ids, payload }, flags);
      return changeLetters(context, { ids, all, filter, flags }, retrying);
    });
  });
  dead.addCommand(retry);
}

function addDiscard(dead: Parent, run: Run): void {
  const discard = withChangeFlags(
    withDeadFilter(
      createCommand("discard", {
        description: "Remove dead letters for good.",
        examples: [
          "dead discard 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e --yes",
          "dead discard --task sendReceipt --dry-run",
        ],
      }),
    )
      .argument("[ids...]", "the ids that enqueue returned")
      .option("--all", "all that there are"),
  );
  discard.action(async (ids, { all, dryRun, yes, reason, ...filter }) => {
    await run((context) => changeLetters(context, { ids, all, filter, flags: { dryRun, yes, reason } }, discarding));
  });
  dead.addCommand(discard);
}

function addPurge(dead: Parent, run: Run): void {
  const purge = withChangeFlags(
    createCommand("purge", {
      description: "Remove dead letters that died long ago.",
      examples: ["dead purge --older-than 90d --yes"],
    }).requiredOption("--older-than <duration>", "the age from which on they are removed", parseDuration),
  );
  purge.action(async ({ olderThan, ...flags }) => {
    await run((context) =>
      changeLetters(
        context,
        { ids: [], all: undefined, filter: { until: new Date(Date.now() - olderThan) }, flags },
        purging,
      ),
    );
  });
  dead.addCommand(purge);
}
