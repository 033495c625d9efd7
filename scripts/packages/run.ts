import { spawn } from "node:child_process";

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface RunEnd {
  readonly succeeded: boolean;
  /** What it wrote, both streams in the order in which they came. */
  readonly output: string;
}

/** Runs a program to its end; one that takes too long is killed and has not succeeded. */
export function run([program = "", ...args]: readonly string[], options: RunOptions): Promise<RunEnd> {
  const { cwd, env = {}, timeoutMs = 120_000 } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...cleanEnvironment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    const timer = setTimeout(() => {
      output += `\nIt had not ended after ${timeoutMs} ms.`;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.once("error", (error) => (output += error.message));
    child.once("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ succeeded: exitCode === 0, output });
    });
  });
}

export async function runOrThrow(command: readonly string[], options: RunOptions): Promise<string> {
  const { succeeded, output } = await run(command, options);
  if (!succeeded) throw new Error(`${command.join(" ")} failed:\n${output}`);
  return output;
}

/** npm tells its scripts the settings of this repository, which a stranger's project does not have. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("npm_") && name !== "NODE_OPTIONS" && !name.startsWith("VITEST"),
  );
  return Object.fromEntries(entries);
}
