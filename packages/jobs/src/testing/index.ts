export { drain, type DrainOptions, type DrainResult } from "./drain.ts";
export { performTask, type PerformTaskOptions } from "./perform-task.ts";
