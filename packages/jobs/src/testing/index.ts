export { assertEnqueued, assertNotEnqueued } from "./assert-enqueued.ts";
export { drain, type DrainOptions, type DrainResult } from "./drain.ts";
export { enqueued, type EnqueuedOptions } from "./enqueued.ts";
export type { EnqueuedJob } from "../job/enqueued-job.ts";
export type { ExpectedJob, PartOf } from "./look-for.ts";
export { jobsMatchers } from "./matchers.ts";
export { makeDue } from "./make-due.ts";
export { performTask, type PerformTaskOptions } from "./perform-task.ts";
export { waitFor, type AwaitedState, type WaitForOptions } from "./wait-for.ts";
