import { spawn, spawnSync } from "node:child_process";
import type { TestContext } from "vitest";
import { cliEnvironment, cliPath } from "./run-cli.ts";

const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;

/** For `beforeEach`: skips where there is no pseudo-terminal to be had. */
export function needsTerminal({ skip }: TestContext): void {
  skip(!hasScript, "There is no `script` of util-linux, which makes a pseudo-terminal.");
}

export interface TerminalOptions {
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A command that runs in a terminal of 120 columns and 40 rows. */
export interface Terminal {
  /** Everything that was printed so far, escape sequences included. */
  text(): string;
  press(keys: string): void;
  /** Of the command itself, from when it has begun. */
  pid(): number;
  readonly exitCode: Promise<number | null>;
}

export const ctrlC = "\x03";

/** Starts a command in a terminal. */
export function startInTerminal(words: readonly string[], { url, env = {}, cwd }: TerminalOptions): Terminal {
  const command = [process.execPath, cliPath, ...words].map(quote).join(" ");
  const line = `stty cols 120 rows 40; echo "pid $$."; exec ${command}`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    env: cliEnvironment({ TERM: "xterm-256color", SHELL: "/bin/sh", DATABASE_URL: url, ...env }),
    cwd,
    stdio: "pipe",
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (printed += text));
  child.stdin.on("error", () => undefined);
  const { promise: exitCode, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  return {
    text: () => printed.replace(/^pid \d+\.\r\n/, ""),
    press: (keys) => void child.stdin.write(keys),
    pid: () => Number(/^pid (\d+)\./.exec(printed)?.[1]),
    exitCode,
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
