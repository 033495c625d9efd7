import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Binaries } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { isHeldByAnother } from "./databases.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { serverEnvironment } from "./server-environment.ts";

/** What the supervisor is told. It stands on a command line, so it holds no password. */
export interface Assignment {
  appPid: number;
  cluster: Omit<Cluster, "password">;
  binaries: Pick<Binaries, "postgres" | "pgCtl">;
  serverArguments: string[];
}

export type Report = { kind: "log"; line: string } | { kind: "ready" };

export interface LaunchOptions {
  cluster: Cluster;
  binaries: Binaries;
  port: number;
  isDurable: boolean;
  settings: Readonly<Record<string, string>>;
  onLog: (line: string) => void;
}

/** Resolves when the server accepts connections, or with `"held"` when another server has the data. */
export async function launch(options: LaunchOptions): Promise<ChildProcess | "held"> {
  const supervisor = startSupervisor(options);
  const log: string[] = [];
  const keep = (line: string) => {
    if (log.length < 200) log.push(line);
    options.onLog(line);
  };
  if (supervisor.stderr !== null) createInterface({ input: supervisor.stderr }).on("line", keep);

  const isReady = await new Promise<boolean>((resolve, reject) => {
    supervisor.once("error", reject);
    supervisor.once("close", () => resolve(false));
    supervisor.on("message", (report: Report) => (report.kind === "log" ? keep(report.line) : resolve(true)));
  });
  if (isReady) return letGo(supervisor);
  if (isHeldByAnother(log.join("\n"))) return "held";
  throw explain(log, options);
}

function startSupervisor({ cluster, binaries, port, isDurable, settings }: LaunchOptions): ChildProcess {
  const { password: _, ...publicPart } = cluster;
  const asGiven = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const assignment: Assignment = {
    appPid: process.pid,
    cluster: publicPart,
    binaries: { postgres: binaries.postgres, pgCtl: binaries.pgCtl },
    serverArguments: ["-p", String(port), ...[...defaults(isDurable), ...asGiven].flatMap((one) => ["-c", one])],
  };
  // Built into another package, it is a file of its own there, too, with the extension of the rest.
  const file = fileURLToPath(new URL(`supervisor${path.extname(import.meta.url)}`, import.meta.url));
  return spawn(process.execPath, [file, JSON.stringify(assignment)], {
    // A process group of its own: Ctrl-C reaches the app first, not the database.
    detached: process.platform !== "win32",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: serverEnvironment(),
    cwd: tmpdir(),
    windowsHide: true,
  });
}

function defaults(isDurable: boolean): string[] {
  const always = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "timezone=UTC"];
  always.push("log_timezone=UTC", "lc_messages=C", "logging_collector=off", "log_destination=stderr");
  return isDurable ? always : [...always, "fsync=off", "synchronous_commit=off", "full_page_writes=off"];
}

/** A running database keeps no app alive. */
function letGo(supervisor: ChildProcess): ChildProcess {
  supervisor.unref();
  // Bun's has no such method.
  const channel: { unref?(): void } | null | undefined = supervisor.channel;
  channel?.unref?.();
  if (supervisor.stderr instanceof Socket) supervisor.stderr.unref();
  return supervisor;
}

function explain(log: string[], { cluster, port }: LaunchOptions): LocalPostgresError {
  const text = log.join("\n");
  if (/could not bind|could not create any TCP\/IP sockets/.test(text)) {
    return new LocalPostgresError(
      "PORT_TAKEN",
      `PostgreSQL cannot listen on port ${port} of 127.0.0.1, because something else does or because it is reserved. ` +
        "Choose another port, or leave it out to get a free one.",
    );
  }
  return new LocalPostgresError(
    "START_FAILED",
    `PostgreSQL did not start on ${cluster.directory}; it says:\n${text.trim() || "(nothing)"}`,
  );
}
