// A worker in a process of its own that is held at the step HOLD_AT, until it is told to go on or killed.
import { Pool } from "pg";
import { createJobs, defineTask, NonRetryableError, perform } from "../../src/index.ts";
import { effectPayload, threeAttempts } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";

const { JOBS_URL = "", DATA_URL = "", HOLD_AT, FAILURES = "0", LAST_ERROR } = process.env;
const failureCount = Number(FAILURES);
const toldToGoOn = Promise.withResolvers<void>();

async function reach(step: string, attempt = 1): Promise<void> {
  // The first attempts, which are to fail, are not held.
  if (step !== HOLD_AT || attempt <= failureCount) return;
  process.send?.(step);
  await toldToGoOn.promise;
}

// The test has ended, whatever ended it.
process.once("disconnect", () => process.exit());
const pool = new Pool({ connectionString: DATA_URL });
pool.on("error", () => undefined);
const effects = effectsIn(pool);
const jobs = createJobs({ connection: JOBS_URL, ...(DATA_URL !== JOBS_URL && { outbox: { connection: DATA_URL } }) });
const heldPayload = effectPayload.refine(async () => {
  await reach("before the handler");
  return true;
});
const heldEffect = defineTask("effect", { payload: heldPayload, retry: threeAttempts });

const worker = await jobs.startWorker({
  tasks: [
    perform(heldEffect, async ({ n }, { attempt, idempotencyKey }) => {
      await reach("in the handler", attempt);
      await effects.writeOnce(idempotencyKey, n, () => reach("in its unit", attempt));
      await reach("after the commit", attempt);
      if (LAST_ERROR !== undefined) throw new NonRetryableError(LAST_ERROR);
      if (attempt <= failureCount) throw new Error("one of the first attempts");
    }),
  ],
  heartbeatMs: 100,
  deadAfterMs: 500,
});
process.on("message", (message) => {
  toldToGoOn.resolve();
  if (message === "finish") void worker.stop().finally(() => process.exit());
});
