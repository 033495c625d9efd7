import { z } from "zod";
import { defineTask, retry } from "../../../src/index.ts";
import { attemptsAllowed, retryDelayMs } from "./model.ts";

export const modelled = defineTask("modelled", {
  payload: z.object({}),
  retry: retry.fixed({ attempts: attemptsAllowed, delayMs: retryDelayMs }),
});
