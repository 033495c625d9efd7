import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "../logger.ts";
import { isUnreachable } from "../database/database-errors.ts";
import { within } from "../timeout.ts";

/** Something a worker does for the tables, at once and then every so often. */
export interface Chore {
  readonly what: string;
  readonly everyMs: number;
  readonly run: () => Promise<unknown>;
}

/** A chore that takes long is done less often: no more than this part of the time goes into it. */
const longestShare = 0.01;
/** A process that was stopped meanwhile, or slept, has not worked for all that time. */
const longestRestMs = 3_600_000;
const retryMs = 60_000;
const longestFarewellMs = 5_000;

/** Milliseconds until a chore is due that has taken so long. */
export function restAfter(tookMs: number, everyMs: number): number {
  return Math.max(everyMs, Math.min(tookMs / longestShare, longestRestMs));
}

export function startUpkeep(chores: readonly Chore[], logger: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;

  const runOnce = async ({ what, everyMs, run }: Chore): Promise<number> => {
    const startedAt = performance.now();
    try {
      await run();
      return restAfter(performance.now() - startedAt, everyMs);
    } catch (error) {
      if (!signal.aborted && !isUnreachable(error)) logger.warn({ err: error }, `${what} failed; it is tried again`);
      return Math.min(everyMs, retryMs);
    }
  };
  const repeat = async (chore: Chore) => {
    while (!signal.aborted) {
      const restMs = await runOnce(chore);
      await pause(restMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const finished = Promise.all(chores.map(repeat));

  return {
    async stop() {
      stopping.abort();
      await within(longestFarewellMs, finished).catch(() => undefined);
    },
  };
}
