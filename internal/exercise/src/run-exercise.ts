import type { Fault } from "./fault.ts";
import { locksLeft } from "./faults/locks-left.ts";
import { offersPutOff } from "./faults/offers-put-off.ts";
import { paymentsOutage } from "./faults/payments-outage.ts";
import { poisonJob } from "./faults/poison-job.ts";
import { receiptsWorkerGone } from "./faults/receipts-worker-gone.ts";
import { isWorkerName, type Shop } from "./shop.ts";
import { shuffle } from "./shuffle.ts";
import { waitUntil } from "./wait-until.ts";

export const faults: readonly Fault[] = [receiptsWorkerGone, paymentsOutage, poisonJob, offersPutOff, locksLeft];

/** How an exercise is run. */
export interface ExerciseOptions {
  /** Decides the order of the faults. */
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Prints a line. */
  tell(line: string): void;
}

const lookEveryMs = 250;

/** Plants one fault after the other, and waits each time until somebody has mended it. */
export async function runExercise(shop: Shop, { seed, signal, tell }: ExerciseOptions): Promise<void> {
  const order = shuffle(faults, seed);
  for (const [index, fault] of order.entries()) {
    await untilAlone(shop, { signal, tell });
    await Promise.race([fault.plant(shop), untilAborted(signal)]);
    await forgetSample(shop);
    const beganAt = Date.now();
    tell(`\n[${index + 1} of ${order.length}] ${fault.symptom}`);
    await waitUntil(() => fault.isMended(shop), { everyMs: lookEveryMs, signal });
    tell(`Mended in ${describeSeconds(Date.now() - beganAt)}: ${fault.name}.`);
    const harm = await fault.findHarm?.(shop);
    if (harm !== undefined) tell(`But: ${harm}`);
    await shop.startWorkers();
  }
  tell("\nAll faults are mended.");
}

/** A worker of the person would take the jobs of the next fault. */
async function untilAlone({ jobs }: Shop, { signal, tell }: Pick<ExerciseOptions, "signal" | "tell">): Promise<void> {
  const isAlone = async () => (await jobs.admin.workers()).every(({ about }) => isWorkerName(about?.name));
  if (await isAlone()) return;
  tell("Stop the worker that you have started: press Ctrl-C in its terminal.");
  await waitUntil(isAlone, { everyMs: lookEveryMs, signal });
}

/** It is from before the fault. Without a fresh one, jobs are counted, as if time had passed. */
async function forgetSample({ pool }: Shop): Promise<void> {
  await pool.query("update acme_jobs.sampler set sampled_at = '-infinity', fresh_until = '-infinity'");
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

function describeSeconds(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
