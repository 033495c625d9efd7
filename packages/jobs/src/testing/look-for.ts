import { inspect } from "node:util";
import { matchesPartial, named } from "@acme/shared/matches-partial";
import { checkNames } from "../check-options.ts";
import type { EnqueuedJob } from "../job/enqueued-job.ts";
import type { Jobs } from "../jobs.ts";
import { assertTask, type Task } from "../task/task.ts";
import { enqueued, type EnqueuedOptions } from "./enqueued.ts";

/** Any part of a payload, at any depth, or a matcher in its place, which `@jest/globals` does not type as any. */
export type PartOf<Value> =
  | { asymmetricMatch(other: unknown): boolean }
  | (Value extends object ? { readonly [Name in keyof Value]?: PartOf<Value[Name]> } : Value);

/** What a job has to have. Asymmetric matchers, such as `expect.any(String)`, may stand for any value. */
export interface ExpectedJob<Payload = unknown> extends EnqueuedOptions {
  /** Objects may have more than this; arrays may not. */
  readonly payload?: PartOf<Payload>;
  readonly runAt?: Date;
  /** `null`: in no named queue. */
  readonly queue?: string | null;
  /** As it was given to `enqueue`. `null`: without one. */
  readonly key?: string | null;
}

/** Jobs that fit, and what to say if there are none, or if there should be none. */
export interface FoundJobs<Payload> {
  readonly fitting: readonly EnqueuedJob<Payload>[];
  readonly missing: () => string;
  readonly present: () => string;
}

const mostShown = 10;
const known = ["payload", "runAt", "queue", "key", "tx"] satisfies (keyof ExpectedJob)[];

/** @throws {@link JobsError} as `enqueued`. */
export async function lookFor<Input, Output>(
  jobs: Jobs,
  task: Task<string, Input, Output>,
  expected: ExpectedJob<Output> = {},
): Promise<FoundJobs<Output>> {
  assertTask(task);
  checkNames(expected, { what: "What is expected of a job", known });
  const { tx, ...properties } = expected;
  const all = await enqueued(jobs, "tx" in expected ? ({ tx } as EnqueuedOptions) : {});
  const ofTask = all.filter((job): job is EnqueuedJob<Output> => job.task === task.name);
  const fitting = ofTask.filter((job) => matchesPartial(job, properties));
  const what = Object.keys(properties).length === 0 ? "" : ` with ${show(properties)}`;
  const others = [...new Set(all.map((job) => job.task))].join(", ") || "none";
  return {
    fitting,
    missing: () =>
      ofTask.length === 0
        ? `No job of "${task.name}" is enqueued${what}. Tasks with jobs: ${others}.`
        : `No job of "${task.name}" is enqueued${what}. Its jobs are:${showAll(ofTask)}`,
    present: () => `No job of "${task.name}" should be enqueued${what}, and there are:${showAll(fitting)}`,
  };
}

function showAll(jobs: readonly EnqueuedJob[]): string {
  const lines = jobs
    .slice(0, mostShown)
    .map(({ payload, runAt, queue, key }) => `\n  ${show({ payload, runAt, queue, key })}`);
  return lines.join("") + (jobs.length > mostShown ? `\n  and ${jobs.length - mostShown} more` : "");
}

function show(value: object): string {
  return inspect(named(value), { depth: 8, compact: 100, breakLength: Number.POSITIVE_INFINITY });
}
