import { JobsError } from "../errors.ts";
import type { Jobs } from "../jobs.ts";
import type { PerformableTask } from "../task/perform.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";

/** What the default export of `acme-jobs.config.ts` tells the command line. Made by {@link defineConfig}. */
export interface CliConfig {
  /** The jobs to work on, if neither an option nor a variable of the environment names a database. */
  readonly jobs?: Jobs;
  /** `enqueue` and `dead retry --payload` check payloads by their schemas, and `worker` runs them. */
  readonly tasks?: readonly PerformableTask[];
  /** How `worker` runs the tasks. */
  readonly worker?: Omit<WorkerOptions, "tasks">;
}

/**
 * Checks the configuration of the command line, which is the default export of `acme-jobs.config.ts` (or `.js`, `.mjs`).
 *
 * @throws {@link JobsError} `OPTIONS_INVALID`
 * @example
 * ```ts
 * // acme-jobs.config.ts
 * export default defineConfig({ jobs: createJobs({ connection }), tasks: [performSendReceipt] });
 * ```
 */
export function defineConfig(config: CliConfig): CliConfig {
  const problem = problemOf(config);
  if (problem !== undefined) throw new JobsError("OPTIONS_INVALID", `defineConfig(): ${problem}.`);
  return Object.freeze({ ...config });
}

const known: ReadonlySet<string> = new Set(["jobs", "tasks", "worker"] satisfies (keyof CliConfig)[]);

/** What is wrong with a value that should be a {@link CliConfig}. */
export function problemOf(config: unknown): string | undefined {
  if (typeof config !== "object" || config === null) return "it takes an object";
  const unknown = Object.keys(config).find((name) => !known.has(name));
  if (unknown !== undefined) return `"${unknown}" is no option; there are ${[...known].join(", ")}`;
  const { jobs, tasks } = config as CliConfig;
  if (jobs !== undefined && typeof jobs?.admin?.overview !== "function") return '"jobs" is not made by createJobs()';
  if (tasks !== undefined && !(Array.isArray(tasks) && tasks.every(isPerformable))) {
    return '"tasks" is not a list of what perform() returns';
  }
  return undefined;
}

function isPerformable(task: unknown): boolean {
  const { task: definition, run } = (task ?? {}) as Partial<PerformableTask>;
  return typeof definition?.name === "string" && typeof run === "function";
}
