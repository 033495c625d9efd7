import { z } from "zod";
import { defineTask, retry } from "../../src/index.ts";

export const effectPayload = z.object({ n: z.number() });
export const threeAttempts = retry.fixed({ attempts: 3, delayMs: 0 });

/** Its code writes a row. */
export const effect = defineTask("effect", { payload: effectPayload, retry: threeAttempts });
