import { hostname } from "node:os";
import { version } from "../version.ts";
import type { WorkerSettings } from "./worker-options.ts";

/** What a worker says about itself when it registers. */
export interface WorkerAbout {
  readonly host: string;
  readonly pid: number;
  /** The `name` of its {@link WorkerOptions}. */
  readonly name: string | undefined;
  /** The version of `@acme/jobs`. */
  readonly version: string;
  /** The version of Node. */
  readonly node: string;
  readonly concurrency: number;
  readonly tasks: readonly string[];
}

/** What a worker shows of itself with each heartbeat. */
export interface Life {
  readonly about: WorkerAbout;
  /** How many jobs it runs. Those that return at once are over before they can be counted. */
  readonly running: number;
}

export function lifeOf(settings: WorkerSettings, runner: { readonly runningCount: number }): () => Life {
  const about = aboutWorker(settings);
  return () => ({ about, running: runner.runningCount });
}

function aboutWorker({ name, concurrency, tasks }: WorkerSettings): WorkerAbout {
  return {
    host: hostname(),
    pid: process.pid,
    name,
    version,
    node: process.versions.node,
    concurrency,
    tasks: [...tasks.keys()],
  };
}
