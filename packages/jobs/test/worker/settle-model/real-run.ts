import type { Pool } from "pg";
import { noteFailures, type FailedAttempt } from "../../../src/graphile/failure-notes.ts";
import { NonRetryableError, perform, RetryAfterError, snooze } from "../../../src/index.ts";
import type { Queryable, Row } from "../../../src/database/queryable.ts";
import { createJobRunner, type JobRunner } from "../../../src/worker/run-job.ts";
import { taskList } from "../../../src/worker/task-list.ts";
import type { LockedRow } from "./graphile-private-rows.ts";
import { modelled } from "./modelled-task.ts";
import { longDelayMs } from "./model.ts";
import type { Failure } from "./what-follows.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const neverGiveUp = new AbortController().signal;

/** One run of a locked job by the worker's own code, which waits in the middle of the attempt until it is told how to end. */
export interface RealRun {
  /** Runs up to the task's code, or to the end if the code is not run. */
  begin(): Promise<{ readonly attempt: number } | "too early" | "noted">;
  /** Ends the attempt; resolves once that is noted. */
  fail(failure: Failure): Promise<void>;
  succeed(): Promise<void>;
}

export function createRealRun(pool: Pool, id: string, row: LockedRow): RealRun {
  const begun = Promise.withResolvers<number>();
  const ending = Promise.withResolvers<void>();
  const run = perform(modelled, (_, { attempt }) => {
    begun.resolve(attempt);
    return ending.promise;
  });
  const runner: JobRunner = createJobRunner(
    { pool: forgetful(pool), logger: silent, health: { depend: () => () => undefined }, giveUp: neverGiveUp },
    taskList([run]),
  );
  const { rowId: jobId, lockCount } = row;
  let ended: Promise<void> | undefined;
  let notes = 0;

  const note = async (failed: FailedAttempt) => {
    notes += 1;
    await noteFailures(forgetful(pool), [failed]);
  };

  return {
    async begin() {
      const nothing = { lockedBy: undefined, isSuperseded: undefined, origin: undefined, dueAt: undefined };
      const job = { jobId, task: modelled.name, lockCount, payload: {}, isQueued: false, id, ...nothing };
      ended = runner.run(job, note).catch(() => undefined);
      return Promise.race([
        begun.promise.then((attempt) => ({ attempt })),
        ended.then(() => (notes > 0 ? "noted" : "too early")),
      ]);
    },
    async fail(failure) {
      if (failure === "hand-back") runner.handBack();
      else ending.reject(errorOf(failure));
      await ended;
    },
    async succeed() {
      ending.resolve();
      await ended;
    },
  };
}

/** Sends every statement twice, as one whose first answer was lost. */
function forgetful(pool: Pool): Queryable {
  return {
    async query(text, values = []) {
      await pool.query(text, [...values]);
      return pool.query<Row>(text, [...values]);
    },
  };
}

function errorOf(failure: Exclude<Failure, "hand-back">): Error {
  if (failure === "snooze") return snooze(longDelayMs);
  if (failure === "retry after") return new RetryAfterError(longDelayMs);
  if (failure === "at once") return new RetryAfterError(0);
  return failure === "not retryable" ? new NonRetryableError("never") : new Error("failed");
}
