import { checkNames, checkNumber, namesOf, type Range } from "../check-options.ts";

/** From when on the doctor reports something. Times are in milliseconds, shares from 0 to 1. */
export interface Thresholds {
  /** How long a job may be due while a worker for its task lives. Default: 5 minutes. */
  readonly oldestDueMs: number;
  /** How long a job may be due while no worker for its task lives, as during a deployment. Default: 1 minute. */
  readonly noWorkerMs: number;
  /** How many jobs may become dead letters within `deadLettersWithinMs`. Default: 9. */
  readonly deadLetters: number;
  /** Default: 1 hour. */
  readonly deadLettersWithinMs: number;
  /**
   * How old the last heartbeat of a worker without its lock must be before its locks are reported. `fix` waits for a minute at
   * least. Give more than that if your workers have a longer `deadAfterMs`. Default: 1 minute.
   */
  readonly deadWorkerMs: number;
  /** How long a pool that is not registered, as that of a plain Graphile Worker, may keep a lock. Default: 10 minutes. */
  readonly foreignLockMs: number;
  /** How long a row may wait in the outbox. Default: 1 minute. */
  readonly outboxOldestMs: number;
  /** How far two clocks may be apart. Default: 5 s. */
  readonly clockSkewMs: number;
  /** How long workers of several versions may run side by side, as during a deployment. Default: 10 minutes. */
  readonly mixedVersionsMs: number;
  /** The share of the connections that may be in use. Default: 0.85. */
  readonly connectionShare: number;
  /** The share of dead rows that a table may have. Default: 0.5. */
  readonly deadRowShare: number;
  /** Tables with fewer dead rows are not reported. Default: 50,000. */
  readonly deadRows: number;
  /** How long a transaction may stay open. Default: 10 minutes. */
  readonly longTransactionMs: number;
  /** How many bytes of the server's log a replication slot may hold back. Default: 1 GiB. */
  readonly slotBytes: number;
}

export const defaultThresholds: Thresholds = {
  oldestDueMs: 300_000,
  noWorkerMs: 60_000,
  deadLetters: 9,
  deadLettersWithinMs: 3_600_000,
  deadWorkerMs: 60_000,
  foreignLockMs: 600_000,
  outboxOldestMs: 60_000,
  clockSkewMs: 5_000,
  mixedVersionsMs: 600_000,
  connectionShare: 0.85,
  deadRowShare: 0.5,
  deadRows: 50_000,
  longTransactionMs: 600_000,
  slotBytes: 2 ** 30,
};

const names = namesOf<Thresholds>(
  Object.fromEntries(Object.keys(defaultThresholds).map((name) => [name, true])) as Record<keyof Thresholds, true>,
);
const ranges: Readonly<Partial<Record<string, Range>>> = { connectionShare: [0, 1], deadRowShare: [0, 1] };

/** @throws `OPTIONS_INVALID` for a threshold that is unknown or out of its range. */
export function resolveThresholds(given: Partial<Thresholds> = {}): Thresholds {
  checkNames(given, { what: '"thresholds"', known: names });
  for (const [name, value] of Object.entries(given)) {
    checkNumber(name, value, ranges[name] ?? [0, Number.MAX_SAFE_INTEGER]);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaultThresholds, ...Object.fromEntries(set) };
}
