import { createEventBus, createUnitOfWork, type EventBus, type UnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createMemoryUnitOfWork } from "@acme/domain-events/testing";
import type { Jobs } from "../../../src/index.ts";
import { createTestJobs as createMemoryJobs } from "../../../src/testing/index.ts";
import { collectInto, createTestJobs, type LogLine } from "../../support/test-jobs.ts";

/** Jobs and a unit of work that belong together. */
export interface World extends AsyncDisposable {
  readonly jobs: Jobs;
  readonly bus: EventBus<unknown>;
  readonly unitOfWork: UnitOfWork<unknown>;
  readonly log: LogLine[];
  /** Leaves nothing to the next case. */
  clear(): Promise<void>;
  /** Jobs that nobody has used. They are closed with the world. */
  another(): Jobs;
}

export async function memoryWorld(): Promise<World> {
  const log: LogLine[] = [];
  const bus = createEventBus();
  const unitOfWork = createMemoryUnitOfWork({ bus }) as UnitOfWork<unknown>;
  const open = () => createMemoryJobs({ logger: collectInto(log) });
  const world = { jobs: open(), bus, unitOfWork, log };
  return {
    ...world,
    get jobs() {
      return world.jobs;
    },
    async clear() {
      world.jobs = open();
      bus.clearHandlers();
      log.length = 0;
    },
    another: open,
    [Symbol.asyncDispose]: () => world.jobs.close(),
  };
}

export async function postgresWorld(): Promise<World> {
  const { createJobs } = await import("../../../src/index.ts");
  const test = await createTestJobs();
  const bus = createEventBus<unknown>();
  const unitOfWork = createUnitOfWork(pgTransactions(test.dataPool), { bus }) as UnitOfWork<unknown>;
  await unitOfWork.migrate();
  const others: Jobs[] = [];
  return {
    jobs: test.jobs,
    bus,
    unitOfWork,
    log: test.log,
    async clear() {
      await test.jobsPool.query(
        "truncate graphile_worker._private_jobs, acme_jobs.dead_letters, acme_jobs.failures, domain_events.idempotency_keys",
      );
      bus.clearHandlers();
      test.log.length = 0;
    },
    another() {
      const other = createJobs({ connection: test.jobsUrl });
      others.push(other);
      return other;
    },
    async [Symbol.asyncDispose]() {
      for (const other of others) await other.close();
      await test[Symbol.asyncDispose]();
    },
  };
}
