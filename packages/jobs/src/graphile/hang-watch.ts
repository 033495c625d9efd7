import { existsSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Pool } from "pg";
import { copyConnection } from "../database/copy-connection.ts";
import { at, type HangMemory } from "./hang-memory.ts";
import type { HangThreadData, HangThreadMessage } from "./hang-thread.ts";
import type { Logger } from "@acme/shared/logger";

export interface HangWatchOptions {
  readonly memory: HangMemory;
  readonly pgPool: Pool;
  readonly poolId: string;
  /** Milliseconds for which the event loop of this thread does not turn. */
  readonly hungAfterMs: number;
  readonly logger: Logger;
  /** The other thread has tried to give jobs back, or has ended. */
  readonly onRoundOver: () => void;
}

/** A thread that gives back what a pool has not begun, while this one hangs. */
export interface HangWatch {
  stop(): Promise<void>;
}

/** So many checks without a beat between are a hang. Not a time: a process that was stopped, or slept, goes on with one check. */
const missedBeats = 10;

export function startHangWatch(options: HangWatchOptions): HangWatch {
  const { memory, pgPool, poolId, hungAfterMs, logger } = options;
  const connection = copyConnection(pgPool.options);
  if (connection === undefined) {
    logger.debug({}, "the worker works without a watch for hangs: the settings of its connection cannot be copied");
    return { stop: async () => undefined };
  }
  const everyMs = Math.ceil(hungAfterMs / missedBeats);
  const beating = setInterval(() => Atomics.add(memory.head, at.beats, 1), everyMs).unref();
  let isStopped = false;

  const fail = (error: unknown) => {
    clearInterval(beating);
    if (isStopped) return;
    isStopped = true;
    logger.warn({ err: error }, "the worker works without a watch for hangs");
    // It may have ended in the middle of its work.
    if (Atomics.load(memory.head, at.round) % 2 !== 0) Atomics.add(memory.head, at.round, 1);
    options.onRoundOver();
  };
  const hear = (message: HangThreadMessage) => {
    if (message.kind === "round over") return options.onRoundOver();
    const { hungMs, jobCount, error } = message;
    const fields = { hungMs, jobCount, ...(error !== undefined && { err: error }) };
    logger.warn(fields, `the process did not answer for ${hungMs} ms; ${jobCount} jobs went back to others`);
  };
  const thread = startThread({ memory, connection, poolId, everyMs, missedBeats }, fail);
  thread
    ?.on("message", hear)
    .on("error", fail)
    .on("exit", (code) => fail(new Error(`The thread has ended by itself, with ${code}.`)))
    .unref();

  return {
    async stop() {
      isStopped = true;
      clearInterval(beating);
      await thread?.terminate();
    },
  };
}

function startThread(workerData: HangThreadData, onFailed: (error: unknown) => void): Worker | undefined {
  try {
    // What a process is started with, such as an instrumentation, is not for this thread.
    return new Worker(besideThisFile("hang-thread"), { workerData, execArgv: [], name: "acme-jobs hang watch" });
  } catch (error) {
    onFailed(error);
    return undefined;
  }
}

/** Of the same kind: .ts in the sources, .js and .cjs in the two builds. */
function besideThisFile(name: string): string {
  const path = pathOfThisFile();
  const file = path && join(dirname(path), `${name}${extname(path)}`);
  if (file !== undefined && existsSync(file)) return file;
  throw new Error(
    `The file "${name}" of @acme/jobs is not beside the code that runs. If that is a bundle, leave @acme/jobs out of it.`,
  );
}

function pathOfThisFile(): string | undefined {
  try {
    // A path in the CommonJS build, see tsup.config.ts.
    const here = import.meta.url;
    return here.startsWith("file:") ? fileURLToPath(here) : here;
  } catch {
    // A bundler has made one kind of module of the other.
    return undefined;
  }
}
