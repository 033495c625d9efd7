import { dropDatabases } from "./run-databases.ts";
import type { Server } from "./server.ts";

/*
 * A process beside the tests. The pipe between them closes however the tests end, and then it drops their databases
 * on a server that stays.
 */
let task: Pick<Server, "url" | "run"> | undefined;

process.once("message", (message: Pick<Server, "url" | "run">) => {
  task = message;
  process.send?.("ready", () => {});
});
process.once("disconnect", () => {
  // Nobody reads what it would say. A server that cannot be reached keeps the databases.
  if (task !== undefined) dropDatabases(task).catch(() => (process.exitCode = 1));
});
// Ctrl-C is for the tests; when they have ended, it is the janitor's turn.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
