import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const cliPath = fileURLToPath(new URL("../../../packages/jobs/dist/acme-jobs.js", import.meta.url));
/** Where the tasks of the shop are found without being named. */
const exerciseDirectory = fileURLToPath(new URL("..", import.meta.url));

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The databases that the environment names. */
export interface Databases {
  readonly JOB_QUEUE_DATABASE_URL: string;
  readonly DATABASE_URL?: string;
}

/** Starts the built command where somebody on call would. */
export function startCli(words: readonly string[], databases: Databases): ChildProcess {
  const { DATABASE_URL: _data, JOB_QUEUE_DATABASE_URL: _jobs, FORCE_COLOR: _color, ...rest } = process.env;
  return spawn(process.execPath, [cliPath, ...words], {
    env: { ...rest, ...databases },
    cwd: exerciseDirectory,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs the built command to its end. A worker is stopped as soon as it runs. */
export async function runCli(words: readonly string[], databases: Databases): Promise<CliResult> {
  const child = startCli(words, databases);
  const ended = once(child, "close");
  child.stderr?.on("data", (data) => void (String(data).includes("Worker running") && child.kill("SIGTERM")));
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [exitCode] = (await ended) as [number | null];
  return { exitCode, stdout, stderr };
}
