import { z } from "zod";
import { defineTask, retry } from "../../src/index.ts";

/** Longer than Graphile Worker's own 2.7 s, which must not show through. */
export const clockedDelayMs = 3_500;

export const clocked = defineTask("clocked", {
  payload: z.object({ n: z.number(), ends: z.enum(["well", "badly once", "badly for good", "never"]) }),
  retry: retry.fixed({ attempts: 3, delayMs: clockedDelayMs }),
});
