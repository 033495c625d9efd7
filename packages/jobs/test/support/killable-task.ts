import { z } from "zod";
import { defineTask, retry } from "../../src/index.ts";

export const killable = defineTask("killable", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 0 }),
});

/** One attempt and no more. */
export const single = defineTask("single", { payload: z.object({ n: z.number() }), retry: retry.never });
