import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { errorCode } from "./local-postgres-error.ts";

/** Whether a process of this id runs. One that has ended and only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  return exists(pid) && commandOf(pid) !== "";
}

/** Whether the system has a process of this id, be it one that waits to be reaped. */
export function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** Sends a signal to a process that may be gone by now. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

/** The command line, empty for a process that is gone; `undefined` where the system does not tell. */
export function commandOf(pid: number): string | undefined {
  try {
    if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    if (process.platform === "win32") return undefined;
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "";
  }
}

/** The working directory, where the system tells it (Linux, for one's own processes and for root). */
export function workingDirectoryOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}
