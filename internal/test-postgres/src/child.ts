import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createMailbox } from "./mailbox.ts";

export interface Child extends AsyncDisposable {
  readonly pid: number;
  /**
   * Resolves when the child has sent this message (`process.send("ready")`), even if it did so before the call. Each
   * message satisfies one `waitFor`. Rejects if the child ends without the message; the error has the child's stderr.
   */
  waitFor(message: string): Promise<void>;
  send(message: string): void;
  /** Sends the signal and resolves when the process has ended. Default: `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<ChildEnd>;
  /** Resolves when the process has ended, in whatever way. */
  readonly ended: Promise<ChildEnd>;
  /** What the child has written so far. */
  stdout(): string;
  stderr(): string;
}

export interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Added to this process's environment. */
  env?: Record<string, string>;
  args?: string[];
  /** Options for Node itself. */
  execArgv?: string[];
}

/**
 * Starts a TypeScript file in a Node process of its own. The child names points by messages, and can be killed there.
 *
 * The child is killed when the returned value is disposed, and when this process exits.
 *
 * @example
 * await using child = runChild(new URL("worker.child.ts", import.meta.url), { env: { DATABASE_URL: database.url } });
 * await child.waitFor("in the handler");
 * await child.kill();
 */
export function runChild(file: string | URL, { env = {}, args = [], execArgv = [] }: ChildOptions = {}): Child {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const child = spawn(process.execPath, [...conditions(), ...execArgv, path, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const written = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (written.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (written.stderr += text));
  const mailbox = createMailbox();
  child.on("message", (message) => {
    if (typeof message === "string") mailbox.put(message);
  });

  const killIt = () => void child.kill("SIGKILL");
  process.once("exit", killIt);
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once("error", (error) => {
      written.stderr += error.message;
      resolve({ exitCode: null, signal: null });
    });
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal }));
  }).then((end) => {
    process.off("exit", killIt);
    const how = end.signal ?? `exit code ${end.exitCode}`;
    mailbox.close(() => new Error(`The child ended (${how}) without sending it. Its stderr:\n${written.stderr}`));
    return end;
  });

  async function kill(signal: NodeJS.Signals = "SIGKILL"): Promise<ChildEnd> {
    child.kill(signal);
    return ended;
  }
  return {
    pid: child.pid ?? 0,
    waitFor: mailbox.take,
    send: (message) => void child.send(message, () => {}),
    kill,
    ended,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    [Symbol.asyncDispose]: async () => void (await kill()),
  };
}

/** The child resolves other workspaces as this process does: to sources or to builds. */
function conditions(): string[] {
  return process.execArgv.filter((option) => option.startsWith("--conditions="));
}
