import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { ServerUser } from "./server-user.ts";
import { serverEnvironment } from "./server-environment.ts";

export interface RunOptions {
  cwd?: string;
  input?: string;
  user?: ServerUser | undefined;
}

/** Runs one of PostgreSQL's programs to its end, as the given user. Rejects only when it cannot be started. */
export async function run(
  program: string,
  args: string[],
  { cwd, input = "", user }: RunOptions = {},
): Promise<{ succeeded: boolean; stdout: string; stderr: string }> {
  const child = spawn(program, args, { ...user, cwd, env: serverEnvironment(), windowsHide: true });
  const ended = new Promise<boolean>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0));
  });
  // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(input);

  const [succeeded, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { succeeded, stdout, stderr };
}
