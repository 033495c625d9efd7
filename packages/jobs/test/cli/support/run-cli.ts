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

/** Starts the built command in an environment that names no database. */
export function startCli(words: readonly string[], { env = {}, cwd }: CliOptions = {}): ChildProcess {
  const { DATABASE_URL: _data, JOB_QUEUE_DATABASE_URL: _jobs, FORCE_COLOR: _color, ...rest } = process.env;
  return spawn(process.execPath, [cliPath, ...words], { env: { ...rest, ...env }, cwd, stdio: "pipe" });
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
