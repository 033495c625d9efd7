import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A program of the app in a process of its own, whose log can be watched. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with the first log line, from the start on, that says so. */
  logged(message: string, fields?: Readonly<Record<string, unknown>>): Promise<LogLine>;
  /** Resolves when the process has ended, with how it ended: `exit 0`, `SIGKILL`. */
  end(signal: NodeJS.Signals): Promise<string>;
}

export interface LogLine extends Record<string, unknown> {
  readonly msg: string;
}

/** Starts `main.ts` or `worker.ts`. What it writes to stderr is passed on. */
export function startProgram(file: "main.ts" | "worker.ts", settings: Readonly<Record<string, string>>): Program {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = spawn(process.execPath, [path], {
    env: { ...process.env, LOG_LEVEL: "info", ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log = watchLog(child);
  const end = (signal: NodeJS.Signals) => endWith(child, signal);
  return {
    pid: child.pid ?? -1,
    logged: (message, fields) => log.find((line) => line.msg === message && matches(line, fields)),
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  };
}

function watchLog(child: ChildProcess) {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (text) => {
      if (!text.startsWith("{")) return;
      const line: LogLine = JSON.parse(text);
      lines.push(line);
      for (const look of waiting) look(line);
    });
  }
  return {
    find(isSought: (line: LogLine) => boolean): Promise<LogLine> {
      const found = lines.find(isSought);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => {
        waiting.add(function look(line) {
          if (!isSought(line)) return;
          waiting.delete(look);
          resolve(line);
        });
      });
    },
  };
}

async function endWith(child: ChildProcess, signal: NodeJS.Signals): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
  return child.signalCode ?? `exit ${child.exitCode}`;
}

function matches(line: LogLine, fields: Readonly<Record<string, unknown>> = {}): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}
