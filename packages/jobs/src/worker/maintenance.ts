import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "@acme/shared/logger";
import { isUnreachable } from "../database/database-errors.ts";
import { withTimeout } from "@acme/shared/timeout";

/** A task that a worker does for the tables, at its start and then regularly. */
export interface MaintenanceTask {
  readonly what: string;
  readonly everyMs: number;
  readonly run: () => Promise<unknown>;
  /** The worker does without it: a failure is not worth a warning, and a stop hardly waits for it. */
  readonly isMinor?: boolean;
}

/** A slow task runs less often, so that it takes no more than this part of the time. */
const longestShare = 0.01;
/** A limit, because a process that was stopped or suspended in between has not worked for all that time. */
const longestRestMs = 3_600_000;
const retryMs = 60_000;
const longestDrainMs = 5_000;
const longestMinorDrainMs = 500;

/** Milliseconds until a task is due again, given how long it took. */
export function restAfter(tookMs: number, everyMs: number): number {
  return Math.max(everyMs, Math.min(tookMs / longestShare, longestRestMs));
}

export function startMaintenance(tasks: readonly MaintenanceTask[], logger: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;

  const runOnce = async ({ what, everyMs, run, isMinor = false }: MaintenanceTask): Promise<number> => {
    const startedAt = performance.now();
    try {
      await run();
      return restAfter(performance.now() - startedAt, everyMs);
    } catch (error) {
      if (isMinor) logger.debug({ err: error }, `${what} failed; it is tried again`);
      else if (!signal.aborted && !isUnreachable(error))
        logger.warn({ err: error }, `${what} failed; it is tried again`);
      return Math.min(everyMs, retryMs);
    }
  };
  const repeat = async (task: MaintenanceTask) => {
    while (!signal.aborted) {
      const restMs = await runOnce(task);
      await pause(restMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const start = (some: readonly MaintenanceTask[]) => Promise.all(some.map(repeat));
  const finished = start(tasks.filter(({ isMinor }) => isMinor !== true));
  const finishedMinor = start(tasks.filter(({ isMinor }) => isMinor === true));

  return {
    async stop() {
      stopping.abort();
      await Promise.allSettled([
        withTimeout(longestDrainMs, finished),
        withTimeout(longestMinorDrainMs, finishedMinor),
      ]);
    },
  };
}
