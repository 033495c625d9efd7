import { type ChildProcess, spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Message } from "./child/process.ts";
import type { MemberName } from "./faults.ts";

/** One process of a member, which has another one after each kill. */
export interface Incarnation {
  readonly child: ChildProcess;
  readonly label: string;
  /** How it ended. */
  readonly ended: Promise<string>;
  /** It has been killed on purpose. */
  isDoomed: boolean;
}

export interface IncarnationOptions {
  readonly name: MemberName;
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly onMessage: (message: Message) => void;
}

/** Starts it with its output, and a note of its start, in an open log file; it ends with this process at the latest. */
export function startIncarnation(number: number, options: IncarnationOptions, log: number): Incarnation {
  const { name, env, seed, onMessage } = options;
  const file = fileURLToPath(new URL(`child/${name.replace(/-\d+$/, "")}.ts`, import.meta.url));
  const label = `${name}#${number}`;
  const child = spawn(process.execPath, ["--unhandled-rejections=strict", file], {
    env: { ...process.env, ...env, SOAK_NAME: label, SOAK_SEED: String(seed + number) },
    stdio: ["ignore", log, log, "ipc"],
  });
  const note = { at: new Date().toISOString(), name: label, message: "started", pid: child.pid };
  writeSync(log, `${JSON.stringify(note)}\n`);
  child.on("message", (message) => onMessage(message as Message));
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  void ended.then(() => process.off("exit", killAtExit));
  return { child, label, ended, isDoomed: false };
}
