import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { LocalPostgresOptions } from "../src/local-postgres.ts";
import type { ServerUser } from "../src/server-user.ts";

export interface AppRequest {
  options: Omit<LocalPostgresOptions, "onLog">;
  onInterrupt?: "stop" | "ignore";
}

export type AppReport = { url: string; port: number } | { code: string; message: string } | { interrupted: true };

export interface App extends AsyncDisposable {
  pid: number;
  process: ChildProcess;
  /** Resolves with what came of the start. */
  started: Promise<{ url: string; port: number }>;
  /** Resolves with the error that the start ended in. */
  failed: Promise<{ code: string; message: string }>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Lets it end by itself, without stopping its database. */
  finish(): Promise<void>;
}

export interface AppOptions extends AppRequest {
  user?: ServerUser;
  env?: Record<string, string>;
  file?: string;
}

/** Starts a process with a database of its own; it is dead at the latest when disposed. */
export function startApp({ user, env, file, ...request }: AppOptions): App {
  const child = spawn(process.execPath, [file ?? new URL("app.child.ts", import.meta.url).pathname], {
    ...user,
    cwd: "/",
    // A process group of its own, to be interrupted as a terminal does it.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...env, REQUEST: JSON.stringify(request) },
  });
  const exited = once(child, "exit");
  const killIt = () => void child.kill("SIGKILL");
  process.once("exit", killIt);
  child.once("exit", () => process.off("exit", killIt));
  const first = once(child, "message").then(([report]) => report as AppReport);
  return {
    pid: child.pid ?? 0,
    process: child,
    get started() {
      return first.then((report) => {
        if ("url" in report) return report;
        throw new Error(`The app did not start: ${JSON.stringify(report)}`);
      });
    },
    get failed() {
      return first.then((report) => {
        if ("code" in report) return report;
        throw new Error("The app did start.");
      });
    },
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      await exited;
    },
    async finish() {
      child.send("finish");
      await exited;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
