import { setTimeout as pause } from "node:timers/promises";
import { JobsError } from "../errors.ts";
import { isInfrastructureError } from "../task/infrastructure-error.ts";
import { StandbyWaitEndedError } from "./standby-waits.ts";

/** Whether a database could not be reached. A database that has refused a statement was reached. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  return isInfrastructureError(error) && !transientCodes.test(String((error as { code?: unknown }).code));
}

/** A session that may only read: on a standby, or made while the database was read-only. The next one may be able to write. */
export function mayOnlyRead(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === "25006";
}

/** Whether another connection may get a better answer than the one that failed. */
export function needsOtherConnection(error: unknown): boolean {
  return isUnreachable(error) || mayOnlyRead(error);
}

/** Wrong user or password, no such database, or not allowed in. */
const refusedCodes = new Set(["28000", "28P01", "3D000", "42501"]);

/** If an error of the jobs database is one of the connection, turns it into one that says what to do. */
export function explainConnection(error: unknown, hasOutbox: boolean): unknown {
  if (error instanceof StandbyWaitEndedError) return perhapsLost(error);
  if (isUnreachable(error)) return jobsDatabaseUnreachable(error, hasOutbox);
  if (!refusedCodes.has(String((error as { code?: unknown } | null)?.code))) return error;
  return new JobsError(
    "JOBS_DATABASE_REFUSED",
    "The jobs database refused the connection or the right to create its tables. Check user, password, the name of the database and the user's rights.",
    { cause: error },
  );
}

function perhapsLost(cause: StandbyWaitEndedError): JobsError {
  return new JobsError(
    "JOBS_DATABASE_UNREACHABLE",
    "The change is in the jobs database, and may be lost or not: the wait for a synchronous standby was ended, and a failover takes back what the standby lacks. See that the standby is back.",
    { cause },
  );
}

function jobsDatabaseUnreachable(cause: unknown, hasOutbox: boolean): JobsError {
  const rest = hasOutbox
    ? "The outbox is ready: jobs can be enqueued, and are moved when the database is back."
    : "Check that the server runs and that host, port and firewall are right.";
  return new JobsError("JOBS_DATABASE_UNREACHABLE", `The jobs database cannot be reached. ${rest}`, { cause });
}

/**
 * A server that is a standby for now, serialization failures, deadlocks, lock and statement timeouts, a server short of
 * resources.
 */
const transientCodes = /^(25006|40001|40P01|55P03|57014|53\w{3})$/;

/** Whether the same statement may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  return isUnreachable(error) || transientCodes.test(String((error as { code?: unknown } | null)?.code));
}

/**
 * Data exceptions, violated constraints, limits (JSON nested too deeply for the server's stack), and errors that Graphile
 * Worker's functions raise.
 */
const rowCodes = /^(22\w{3}|23\w{3}|54\w{3}|GWB\w{2})$/;

/** Whether PostgreSQL refuses the content of a row, so that other rows may still be accepted. */
export function isAboutTheRows(error: unknown): boolean {
  return rowCodes.test(String((error as { code?: unknown } | null)?.code)) && !isNumberTaken(error);
}

/** Graphile Worker's sequence is behind its table, as after a switch-over by logical replication. Of that no row is the reason. */
function isNumberTaken(error: unknown): boolean {
  const { code, table } = error as { readonly code?: unknown; readonly table?: unknown };
  return code === "23505" && table === "_private_jobs";
}

const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Repeats the work while its error is transient. Throws the last error once `giveUp` is aborted. */
export async function retryTransient<Result>(work: () => Promise<Result>, giveUp: AbortSignal): Promise<Result> {
  return retryWhile(work, isTransient, giveUp);
}

/** Repeats the work while `mayPass` says so of its error. Throws the last error once `giveUp` is aborted. */
export async function retryWhile<Result>(
  work: () => Promise<Result>,
  mayPass: (error: unknown) => boolean,
  giveUp: AbortSignal,
): Promise<Result> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || giveUp.aborted) throw error;
      await pause(pauseMs, undefined, { signal: giveUp }).catch(() => undefined);
    }
  }
}
