import { protectLogger } from "@acme/shared/protect-logger";
import type { Logger } from "@acme/shared/logger";
import { checkNames } from "../../check-options.ts";
import { defaultLogger } from "../../default-logger.ts";
import { createDurable } from "../../durable.ts";
import { createEnqueue } from "../../enqueue.ts";
import { JobsError } from "../../errors.ts";
import type { Jobs } from "../../jobs.ts";
import type { MigrateOptions } from "../../migrator.ts";
import { checkNodeVersion } from "../../node-version.ts";
import type { Schedule } from "../../schedule/schedule.ts";
import { createInlineRuns, type InlineTasks } from "./inline-runs.ts";
import { LetterStore } from "./letter-store.ts";
import { createMemoryRunner } from "./memory-attempts.ts";
import { MemoryClock } from "./memory-clock.ts";
import { createMemoryLetters } from "./memory-letters.ts";
import { createMemorySchedules } from "./memory-schedules.ts";
import { createMemorySide } from "./create-memory-side.ts";
import { memorySide, type MemorySide } from "./memory-side.ts";
import { MemoryStore } from "./memory-store.ts";
import { createMemoryWriter } from "./memory-writer.ts";
import { createMemoryPauses } from "./pause-in-memory.ts";
import { createTestClock, type TestClock } from "./test-clock.ts";
import { adminNotInMemory, notInMemory } from "./unavailable.ts";

/** When the jobs of {@link createTestJobs} run. */
export interface TestJobsOptions {
  /**
   * `"manual"` (default): when `drain()` is called. `"inline"`: at once, and those of a unit of work when it has committed.
   * `enqueue()` and the unit then wait until they, and what follows from them, have ended.
   */
  readonly mode?: "manual" | "inline";
  /** For mode `inline`: the tasks with their code. A function is called at the first job. Jobs of other tasks wait. */
  readonly tasks?: InlineTasks;
  /** Their ticks come when the clock is moved. Default: none. */
  readonly schedules?: readonly Schedule[];
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger;
}

/** Jobs in memory. */
export interface TestJobs extends Jobs {
  /** By which jobs are due. It runs as the clock of the process does. */
  readonly clock: TestClock;
}

/**
 * Makes jobs without a database, for tests. Payloads, options, keys, retry policies and dead letters follow the rules of the
 * real ones, and refuse with the same codes. `enqueued`, `drain`, `makeDue`, `waitFor` and the matchers take them.
 *
 * With `tx`, a job belongs to a unit of `createMemoryUnitOfWork`: it is there when that has committed, and gone if that was
 * rolled back. Another transaction is refused (`NOT_IN_MEMORY`), and so are workers, relays, and `admin` but for pauses.
 *
 * @throws {@link JobsError} `OPTIONS_INVALID`, `NODE_UNSUPPORTED`.
 * @example
 * ```ts
 * const jobs = createTestJobs();
 * await jobs.enqueue(sendReceipt, { orderId }, { runAt: new Date(Date.now() + 60_000) });
 * await jobs.clock.advance(60_000);
 * const { doneCount } = await drain(jobs, { tasks: [performSendReceipt], skipDelays: false });
 * expect(doneCount).toBe(1);
 * ```
 */
export function createTestJobs(options: TestJobsOptions = {}): TestJobs {
  const known = ["mode", "tasks", "schedules", "logger"] satisfies (keyof TestJobsOptions)[];
  checkNames(options, { what: "createTestJobs()", known });
  checkMode(options);
  checkNodeVersion();
  const logger = protectLogger(options.logger ?? defaultLogger, defaultLogger);
  const store = new MemoryStore(new MemoryClock());
  const letters = new LetterStore(store);
  const run = createMemoryRunner(store, letters, logger);
  const { mode, tasks = [] } = options;
  const follow = mode === "inline" ? createInlineRuns({ store, run, logger, tasks }) : async () => nothing();

  let isClosed = false;
  const refuseClosed = () => {
    if (isClosed) throw new JobsError("CLOSED", "The jobs are closed: close() has been called.");
  };
  const writer = createMemoryWriter(store, { refuseClosed, follow });
  const { enqueue, enqueueMany, settled } = createEnqueue({
    writer,
    // Errors are passed on as they are.
    hasOutbox: true,
    onCommitted: nothing,
    onWritten: nothing,
  });

  const close = async () => {
    await settled();
    isClosed = true;
  };
  const hidden: { readonly [memorySide]: MemorySide } = {
    [memorySide]: createMemorySide({ store, letters, run, logger, refuseClosed, follow }),
  };
  return {
    ...hidden,
    clock: createTestClock({ store, schedules: createMemorySchedules(store, options.schedules ?? []), follow }),
    enqueue,
    enqueueMany,
    durable: createDurable(writer, nothing),
    async migrate(given = {}) {
      checkNames(given, { what: "migrate()", known: ["endOlderWorkers"] satisfies (keyof MigrateOptions)[] });
      refuseClosed();
    },
    async migrateOutbox() {
      refuseClosed();
    },
    startWorker: () => refuse("worker", 'drain() runs them, and so does the mode "inline"'),
    startRelay() {
      throw notInMemory("relay", "there is no outbox");
    },
    deadLetters: createMemoryLetters({ letters, refuseClosed, onAdded: follow }),
    admin: { ...adminNotInMemory(), ...createMemoryPauses(store, { refuseClosed, onResumed: follow }) },
    purgeIdempotencyKeys: () => refuse("idempotency keys to purge", "the unit of work has them"),
    health: async () => ({ workers: [], jobsDatabase: "up", outbox: undefined }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function nothing(): void {
  // Jobs in memory have no relay to wake.
}

async function refuse(what: string, instead: string): Promise<never> {
  throw notInMemory(what, instead);
}

function checkMode({ mode = "manual", tasks }: TestJobsOptions): void {
  if (mode !== "manual" && mode !== "inline") {
    throw new JobsError("OPTIONS_INVALID", '"mode" must be "manual" or "inline".');
  }
  if ((mode === "inline") === (tasks !== undefined)) return;
  const what = mode === "inline" ? "needs the tasks with their code" : "runs no tasks by itself: pass them to drain()";
  throw new JobsError("OPTIONS_INVALID", `The mode "${mode}" ${what}.`);
}
