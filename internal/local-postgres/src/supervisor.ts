import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Assignment, Report } from "./launch.ts";
import { stopServer, supervisorNote } from "./running-server.ts";

/*
 * A process between the app and PostgreSQL. It has a process group of its own, so that Ctrl-C reaches the app and not
 * the database, and a pipe to the app that the system closes however the app dies.
 */
const assignment: Assignment = JSON.parse(process.argv[2] ?? "");
const { cluster, binaries } = assignment;
const note = supervisorNote(cluster.directory, process.pid);
let isStopping = false;

rmSync(note, { force: true });
writeFileSync(note, String(assignment.appPid), { flag: "wx" });

const server = spawn(binaries.postgres, ["-D", cluster.dataArgument, ...assignment.serverArguments], {
  ...cluster.user,
  cwd: cluster.data,
  stdio: ["ignore", "ignore", "pipe"],
  windowsHide: true,
});
createInterface({ input: server.stderr }).on("line", (line) => {
  report({ kind: "log", line });
  if (/database system is ready to accept (read-only )?connections/.test(line)) report({ kind: "ready" });
});
server.once("error", (error) => {
  report({ kind: "log", line: error.message });
  finish();
});
// The pipe closes when all processes of the server are gone, which after a SIGKILL may be later than its exit.
server.once("close", finish);

process.on("message", stop);
process.on("disconnect", stop);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
if (!process.connected) stop();

function stop(): void {
  if (isStopping) return;
  isStopping = true;
  if (server.pid === undefined) return;
  void stopServer(server.pid, cluster, binaries);
  setTimeout(() => server.kill("SIGQUIT"), 10_000).unref();
  setTimeout(() => server.kill("SIGKILL"), 15_000).unref();
}

function finish(): void {
  rmSync(note, { force: true });
  if (cluster.isThrowAway) rmSync(cluster.directory, { recursive: true, force: true });
  if (process.connected) process.disconnect?.();
  process.exitCode = isStopping ? 0 : 1;
}

function report(what: Report): void {
  // The app may die between the question and the answer; that is what the disconnect is for.
  if (process.connected) process.send?.(what, () => {});
}
