import { closed, type LazyPool } from "./database/lazy-pool.ts";
import { JobsError } from "./errors.ts";
import { replaceCorrelation } from "@acme/shared/correlation";
import type { Logger } from "@acme/shared/logger";
import type { Migrator } from "./migrator.ts";
import { startRelay, type Relay, type RelayOptions } from "./outbox/relay.ts";
import { withRelay } from "./worker-with-relay.ts";
import { keepRoom, type PoolNeed } from "./database/pool-capacity.ts";
import { migrationMissing } from "./database/missing-tables.ts";
import { refuseSharedSessions } from "./database/check-sessions.ts";
import type { WorkerDependencies, WorkerExtras } from "./worker/worker-dependencies.ts";
import { resolveWorkerOptions, type WorkerOptions } from "./worker/worker-options.ts";
import { startWorker, type Worker, type WorkerState } from "./worker/worker.ts";

/** The workers and relays of one `Jobs`. */
export interface RunningParts {
  startWorker(options: WorkerOptions, extras?: WorkerExtras): Promise<Worker>;
  startRelay(options?: RelayOptions): Relay;
  /** Lets the relays of this process look for rows at once. */
  wakeRelays(): void;
  /** The states of the workers that have not stopped. */
  readonly workerStates: readonly WorkerState[];
  /** Stops all workers and relays, and lets none start any more. Rejects with the first error when all have ended. */
  close(): Promise<void>;
}

export interface RunningPartsOptions {
  readonly jobsPool: LazyPool;
  readonly outboxPool: LazyPool | undefined;
  readonly migrator: Migrator;
  readonly logger: Logger;
  readonly purgeIdempotencyKeys: WorkerDependencies["purgeIdempotencyKeys"];
}

export function createRunningParts(options: RunningPartsOptions): RunningParts {
  const { jobsPool, outboxPool, migrator, logger, purgeIdempotencyKeys } = options;
  const workers = new Set<Worker>();
  const relays = new Set<Relay>();
  let isClosed = false;

  const prepareRelay = async (migrates: boolean) => {
    if (migrates) await migrator.migrateOutbox();
    await migrator.compare();
    // A process that writes jobs directly would not notice the rows of an outbox that is made later.
    if (!migrator.hasOutbox) throw migrationMissing();
  };

  const beginRelay = (relayOptions: RelayOptions = {}, { migrates = true } = {}): Relay => {
    if (isClosed) throw closed();
    if (outboxPool === undefined) throw outboxMissing();
    const leave = keepRoom(needsOfRelay(jobsPool, outboxPool));
    const pools = { outbox: outboxPool.get(), jobs: jobsPool.get() };
    const prepare = () => prepareRelay(migrates);
    const relay = afterStop(
      startOrLeave(() => startRelay({ pools, logger, prepare }, relayOptions), leave),
      () => {
        relays.delete(relay);
        leave();
      },
    );
    relays.add(relay);
    return relay;
  };

  const beginWorker = async (workerOptions: WorkerOptions, extras?: WorkerExtras): Promise<Worker> => {
    // The outbox is left to the relay: jobs must run even while the database of the data is down.
    const prepare = async () => {
      await (workerOptions.migrate === false ? migrator.verifyJobs() : migrator.migrateJobs());
      await refuseSharedSessions(jobsPool.get());
    };
    const leave = keepRoom([{ pool: jobsPool.get(), kept: 1, used: 2 }]);
    let worker: Worker;
    try {
      const dependencies = { pool: jobsPool.get(), logger, prepare, purgeIdempotencyKeys, ...extras };
      worker = await startWorker(dependencies, resolveWorkerOptions(workerOptions));
    } catch (error) {
      leave();
      throw error;
    }
    workers.add(worker);
    const forget = () => {
      workers.delete(worker);
      leave();
    };
    worker.finished.then(forget, forget);
    return worker;
  };

  const beginBoth = async (workerOptions: WorkerOptions, extras?: WorkerExtras): Promise<Worker> => {
    if (isClosed) throw closed();
    const worker = await beginWorker(workerOptions, extras);
    if (isClosed) {
      await worker.stop({ deadlineMs: 0 });
      throw closed();
    }
    if (outboxPool === undefined || workerOptions.relay === false) return worker;
    try {
      return withRelay(worker, beginRelay({}, { migrates: workerOptions.migrate !== false }));
    } catch (error) {
      await worker.stop({ deadlineMs: 0 });
      throw error;
    }
  };

  return {
    // What outlives its caller must not go on in the name of the caller's request.
    startWorker: (workerOptions, extras) => replaceCorrelation(undefined, () => beginBoth(workerOptions, extras)),
    startRelay: (relayOptions) => replaceCorrelation(undefined, () => beginRelay(relayOptions)),
    wakeRelays: () => relays.forEach((relay) => relay.wake()),
    get workerStates() {
      return [...workers].map(({ state }) => state);
    },
    async close() {
      isClosed = true;
      const stopped = await Promise.allSettled([...workers, ...relays].map((part) => part.stop()));
      for (const result of stopped) if (result.status === "rejected") throw result.reason;
    },
  };
}

/**
 * A relay listens on one connection, and moves a batch over one connection on each side. If both sides are one pool, the
 * relay holds one of them while it waits for the other. Relays that hold all connections of the pool would wait for each
 * other.
 */
function needsOfRelay(jobs: LazyPool, outbox: LazyPool): PoolNeed[] {
  if (jobs.get() === outbox.get()) return [{ pool: jobs.get(), kept: 2, used: 1 }];
  return [
    { pool: outbox.get(), kept: 1, used: 1 },
    { pool: jobs.get(), kept: 0, used: 1 },
  ];
}

function startOrLeave<Part>(start: () => Part, leave: () => void): Part {
  try {
    return start();
  } catch (error) {
    leave();
    throw error;
  }
}

function afterStop(relay: Relay, onStopped: () => void): Relay {
  const stop = async () => {
    await relay.stop();
    onStopped();
  };
  return { wake: relay.wake, stop, [Symbol.asyncDispose]: stop };
}

function outboxMissing(): JobsError {
  return new JobsError(
    "OUTBOX_MISSING",
    "A relay needs an outbox: createJobs({ connection, outbox: { connection } }).",
  );
}
