import type { EventBusOptions, TransactionAdapter, UnitOfWorkOptions } from "@acme/domain-events";
import { JobsError, type JobsOptions, type Logger, type WorkerOptions } from "@acme/jobs";

/** The settings of {@link AcmeModule}. */
export interface AcmeOptions<Tx = unknown> {
  /** What the unit of work runs on: `pgTransactions(pool)`, `knexTransactions(knex)`, or an adapter of your own. */
  readonly transactions: TransactionAdapter<Tx>;
  /** Where the jobs are stored. */
  readonly jobs: JobsOptions;
  /** Further settings of the unit of work. */
  readonly unitOfWork?: Omit<UnitOfWorkOptions<Tx>, "bus"> | undefined;
  /** Further settings of the bus. */
  readonly bus?: EventBusOptions | undefined;
  /**
   * Whether this process runs jobs, and how. `false` for a process that only serves requests. A worker that cannot go on stops, and
   * `onWorkerFailed` is told. Default: `true`.
   */
  readonly worker?: boolean | Omit<WorkerOptions, "tasks"> | undefined;
  /** Called if the worker cannot go on, since the database refuses what it needs. The error is logged already. */
  readonly onWorkerFailed?: ((error: unknown) => unknown) | undefined;
  /** Whether to create or update the tables of the jobs and of `runOnce` at the start. Default: `true`. */
  readonly migrate?: boolean | undefined;
  /** Milliseconds that requests, jobs and units of work get to finish at a stop, together. Default: 25,000. */
  readonly stopDeadlineMs?: number | undefined;
  /** pino fits. Default: Nest's own logger. */
  readonly logger?: Logger | undefined;
  /** Called last at a stop, when nothing needs a connection any more. End your pools here. */
  readonly close?: (() => unknown) | undefined;
}

const names: Record<keyof AcmeOptions, true> = {
  transactions: true,
  jobs: true,
  unitOfWork: true,
  bus: true,
  worker: true,
  onWorkerFailed: true,
  migrate: true,
  stopDeadlineMs: true,
  logger: true,
  close: true,
};

/**
 * Finds what the types do not: TypeScript allows unknown names in what a factory returns.
 *
 * @throws {@link JobsError} `OPTIONS_INVALID`.
 */
export function checkOptions<Options extends object>(options: Options): Options {
  const unknown = Object.keys(options).filter((name) => !(name in names));
  if (unknown.length === 0) return options;
  const known = Object.keys(names).join(", ");
  throw new JobsError("OPTIONS_INVALID", `AcmeModule has no option "${unknown.join('", "')}". It has: ${known}.`);
}
