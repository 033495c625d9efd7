import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { TestDatabaseError } from "./errors.ts";
import type { Server } from "./server.ts";

/**
 * Starts what drops the databases of a run when this process has ended, be it killed. Resolves with a function that has
 * it done now.
 */
export async function startJanitor({ url, run }: Pick<Server, "url" | "run">): Promise<() => Promise<void>> {
  const file = fileURLToPath(new URL(`janitor${path.extname(import.meta.url)}`, import.meta.url));
  const janitor = spawn(process.execPath, [file], {
    // A process group of its own, so that what ends the group of the tests leaves it.
    detached: process.platform !== "win32",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // What is set for the tests' Node, such as a loader or coverage, is not for this one.
    env: { ...process.env, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" },
    cwd: tmpdir(),
    windowsHide: true,
  });
  const ended = new Promise<void>((resolve) => {
    janitor.once("error", () => resolve());
    janitor.once("exit", () => resolve());
  });
  const ready = new Promise<true>((resolve) => janitor.once("message", () => resolve(true)));
  // Not on the command line, which everybody on the machine can read.
  if (janitor.connected) janitor.send({ url, run }, () => {});
  if ((await Promise.race([ready, ended])) !== true) throw notStarted();
  letGo(janitor);
  return async () => {
    janitor.ref();
    if (janitor.connected) janitor.disconnect();
    if (janitor.exitCode === null && janitor.signalCode === null) await ended;
  };
}

/** It keeps no process alive. */
function letGo(janitor: ChildProcess): void {
  janitor.unref();
  // Bun's has no such method.
  const channel: { unref?(): void } | null | undefined = janitor.channel;
  channel?.unref?.();
}

function notStarted(): TestDatabaseError {
  return new TestDatabaseError(
    "SERVER_FAILED",
    "The process that drops the databases after the tests did not start. See that Node may start processes here.",
  );
}
