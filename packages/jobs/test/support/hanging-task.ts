import { z } from "zod";
import { defineTask, retry } from "../../src/index.ts";

/** Number 0 hangs, once in a process. */
export const hanging = defineTask("hanging", {
  payload: z.object({ n: z.number(), pad: z.string().optional() }),
  retry: retry.never,
});
