import { existsSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Pool } from "pg";
import { copyConnection } from "../database/copy-connection.ts";
import { at, type HangMemory } from "./hang-memory.ts";
import type { HangThreadData, HangThreadMessage } from "./hang-thread.ts";
import type { Logger } from "@acme/shared/logger";

export interface HangWatchOptions {
  readonly memory: HangMemory;
  readonly pgPool: Pool;
  readonly poolId: string;
  /** Milliseconds without a turn of the event loop that count as a hang. */
  readonly hungAfterMs: number;
  readonly logger: Logger;
  /** Called when the watching thread has tried to give jobs back, or has ended. */
  readonly onRoundOver: () => void;
}

/** A thread that gives back the jobs which a pool has not begun, while the main thread hangs. */
export interface HangWatch {
  stop(): Promise<void>;
}

/**
 * This many checks without a beat in between are a hang. Checks are counted, not time, because a process that was stopped or
 * suspended makes just one check when it goes on.
 */
const missedBeats = 10;

export function startHangWatch(options: HangWatchOptions): HangWatch {
  const { memory, pgPool, poolId, hungAfterMs, logger } = options;
  const connection = copyConnection(pgPool.options);
  if (connection === undefined) {
    logger.debug({}, "the worker runs without a watch for hangs: the settings of its connection cannot be copied");
    return { stop: async () => undefined };
  }
  const everyMs = Math.ceil(hungAfterMs / missedBeats);
  const beating = setInterval(() => Atomics.add(memory.head, at.beats, 1), everyMs).unref();
  let isStopped = false;

  const fail = (error: unknown) => {
    clearInterval(beating);
    if (isStopped) return;
    isStopped = true;
    logger.warn({ err: error }, "the worker runs without a watch for hangs");
    // The thread may have ended in the middle of a round.
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
    .on("exit", (code) => fail(new Error(`The watching thread has ended by itself, with exit code ${code}.`)))
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
    // `execArgv` is empty, because options of the process, such as an instrumentation, are not for this thread.
    const options: WorkerOptions = { workerData, execArgv: [], name: "acme-jobs hang watch" };
    // Not with `new`: Next.js (Turbopack) would follow the path to every file of the folder, and fail on the types there.
    return Reflect.construct(Worker, [besideThisFile("hang-thread"), options]);
  } catch (error) {
    onFailed(error);
    return undefined;
  }
}

/** With the same extension: .ts in the sources, .js and .cjs in the two builds. */
function besideThisFile(name: string): string {
  const path = pathOfThisFile();
  const file = path && join(dirname(path), `${name}${extname(path)}`);
  if (file !== undefined && existsSync(file)) return file;
  throw new Error(
    `The file "${name}" of @acme/jobs is not beside the running code. If the code is a bundle, leave @acme/jobs out of it.`,
  );
}

function pathOfThisFile(): string | undefined {
  try {
    // A path in the CommonJS build, see tsup.config.ts.
    const here = import.meta.url;
    return here.startsWith("file:") ? fileURLToPath(here) : here;
  } catch {
    // A bundler has turned an ES module into CommonJS, or the other way round.
    return undefined;
  }
}
