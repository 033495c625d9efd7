import { lstatSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import { throwAwayPrefix } from "./cluster.ts";
import { isAlive } from "./process-table.ts";
import { findServer, readSupervisors, stopServer } from "./running-server.ts";

/**
 * Ends and removes throw-away servers whose maker and supervisor were both killed with SIGKILL: nobody else would.
 *
 * Failures are left to the next run; this one has a server of its own to start.
 */
export async function removeAbandoned(binaries: Binaries): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    // Backtracking: the prefix is a constant without repetitions.
    const maker = new RegExp(`^${throwAwayPrefix}(\\d+)-`).exec(name)?.[1];
    if (maker === undefined || isAlive(Number(maker))) continue;
    try {
      await remove(path.join(tmpdir(), name), binaries);
    } catch {
      continue;
    }
  }
}

async function remove(directory: string, binaries: Binaries): Promise<void> {
  const isOurs = lstatSync(directory).uid === process.getuid?.();
  if (!isOurs || readSupervisors({ directory }).some(({ isRunning }) => isRunning)) return;

  const place = { directory, data: path.join(directory, "data") };
  const server = findServer(place);
  if (server !== undefined) {
    await stopServer(server.pid, place, binaries);
    for (let waits = 0; isAlive(server.pid) && waits < 200; waits += 1) await delay(10);
  }
  rmSync(directory, { recursive: true, force: true });
}
