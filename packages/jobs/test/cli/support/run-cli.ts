import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";

export const cliPath = fileURLToPath(new URL("../../../dist/acme-jobs.js", import.meta.url));

/** How a command ended. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
}

/** Without what says where the database is, or whether there are colours. */
export function cliEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const {
    DATABASE_URL: _data,
    JOB_QUEUE_DATABASE_URL: _jobs,
    FORCE_COLOR: _color,
    NO_COLOR: _plain,
    CI: _ci,
    ...rest
  } = process.env;
  return { ...rest, ...more };
}

/** Starts the built command in an environment that names no database. */
export function startCli(words: readonly string[], { env = {}, cwd }: CliOptions = {}): ChildProcess {
  return spawn(process.execPath, [cliPath, ...words], { env: cliEnvironment(env), cwd, stdio: "pipe" });
}

/** Runs the built command to its end. */
export async function runCli(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(words, options);
  child.stdin?.on("error", () => undefined).end(options.input ?? "");
  const { promise: exitCode, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  return { exitCode: await exitCode, stdout, stderr };
}

/** Runs commands on this database. A command line is split at spaces. */
export function cliOn(url: string, defaults: CliOptions = {}) {
  return (line: string | readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(typeof line === "string" ? line.split(" ").filter(Boolean) : line, {
      ...defaults,
      ...options,
      env: { DATABASE_URL: url, ...defaults.env, ...options.env },
    });
}
