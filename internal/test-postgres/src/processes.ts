import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Sends a signal to a process, unless it has ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  // 0 and negative numbers mean whole groups of processes, such as ours.
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new Error(`${pid} is no process to send ${signal} to.`);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The running processes whose parent is the given process. */
export function childrenOf(pid: number): number[] {
  return listProcesses().flatMap((process) => (process.parent === pid ? [process.pid] : []));
}

function listProcesses(): { pid: number; parent: number }[] {
  if (process.platform !== "linux") {
    const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
    return table.trim().split("\n").map(readRow);
  }
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name of the program is in brackets and may contain any character.
      const [, afterName = ""] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
      return [{ pid: Number(name), parent: Number(afterName.split(" ")[1]) }];
    } catch {
      return [];
    }
  });
}

function readRow(row: string): { pid: number; parent: number } {
  const [pid, parent] = row.trim().split(/\s+/).map(Number);
  return { pid: pid ?? 0, parent: parent ?? 0 };
}
