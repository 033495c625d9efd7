import type { ChangeOptions, Progress } from "../change-in-batches.ts";
import type { CliContext } from "./context.ts";

/** How far a change of many has come, on standard error if that is a terminal. */
export interface ShownProgress extends Pick<ChangeOptions, "onProgress"> {
  /** Takes the bar away. */
  end(): void;
}

/** A bar is made only for a change that takes more than one batch. */
export async function showProgress({ options }: CliContext): Promise<ShownProgress> {
  if (!process.stderr.isTTY || options.json || options.quiet) return { end: () => undefined };
  const { progress } = await import("@clack/prompts");
  let bar: ReturnType<typeof progress> | undefined;
  let shownCount = 0;
  return {
    onProgress({ doneCount, total, isTotalCapped }: Progress) {
      if (bar === undefined && doneCount >= total) return;
      if (bar === undefined) {
        bar = progress({ max: total, output: process.stderr });
        bar.start();
      }
      bar.advance(doneCount - shownCount, `${doneCount} of ${total}${isTotalCapped ? " or more" : ""}`);
      shownCount = doneCount;
    },
    end: () => bar?.stop(),
  };
}
