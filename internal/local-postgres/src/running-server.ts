import { readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { commandOf, isAlive, signal, workingDirectoryOf } from "./process-table.ts";
import { run } from "./run.ts";

type Place = Pick<Cluster, "directory" | "data">;

/**
 * Resolves when no server runs on these data: waits for one that is ending, ends one whose app and supervisor were
 * killed.
 *
 * @throws {@link LocalPostgresError} `DATA_DIR_IN_USE` when another app uses it; `STILL_STOPPING` at the deadline.
 */
export async function waitUntilFree(cluster: Place, binaries: Binaries, deadlineAt: number): Promise<void> {
  let isAskedToStop = false;
  for (;;) {
    const server = findServer(cluster);
    if (server === undefined) return;
    const supervisors = readSupervisors(cluster);
    assertNotInUse(cluster, supervisors);

    const isOrphan = !server.isSingleUser && !supervisors.some(({ isRunning }) => isRunning);
    if (isOrphan && !isAskedToStop) {
      await stopServer(server.pid, cluster, binaries);
      isAskedToStop = true;
    }
    if (Date.now() > deadlineAt) throw stillStopping(cluster, server.pid);
    await delay(20);
  }
}

/** The server on these data, if one runs. A lock file left by a dead one is told from a living one's. */
export function findServer(cluster: Place): { pid: number; isSingleUser: boolean } | undefined {
  const lock = path.join(cluster.data, "postmaster.pid");
  const recorded = Number.parseInt(readIfThere(lock) ?? "", 10);
  const pid = Math.abs(recorded);
  if (Number.isNaN(pid) || !isAlive(pid)) return undefined;
  // PostgreSQL writes the pid of its single-user mode as a negative number.
  if (isServerOf(pid, cluster.data)) return { pid, isSingleUser: recorded < 0 };
  // The id was given to some other program since. PostgreSQL would refuse to start, and only removes what is dead.
  rmSync(lock, { force: true });
  return undefined;
}

/** Fast shutdown: running transactions are rolled back, connections cut, everything written. */
export async function stopServer(pid: number, { data }: Place, { pgCtl }: Pick<Binaries, "pgCtl">): Promise<void> {
  if (process.platform === "win32") await run(pgCtl, ["stop", "-D", data, "-m", "fast", "-w"]);
  else signal(pid, "SIGINT");
}

/** Every supervisor notes here, before it starts a server, which app it serves. */
export function supervisorNote(directory: string, supervisorPid: number): string {
  return path.join(directory, `supervisor-${supervisorPid}.json`);
}

interface Supervisor {
  note: string;
  appPid: number;
  isRunning: boolean;
}

export function readSupervisors({ directory }: Pick<Cluster, "directory">): Supervisor[] {
  return readdirSync(directory).flatMap((name) => {
    const pid = /^supervisor-(\d+)\.json$/.exec(name)?.[1];
    if (pid === undefined) return [];
    const note = path.join(directory, name);
    const appPid = Number.parseInt(readIfThere(note) ?? "", 10);
    return Number.isNaN(appPid) ? [] : [{ note, appPid, isRunning: isSupervisor(Number(pid)) }];
  });
}

function assertNotInUse({ directory }: Place, supervisors: Supervisor[]): void {
  const user = supervisors.find(
    // A server of our own whose supervisor was killed is not in use: we are the ones who start it again.
    ({ appPid, isRunning }) => isAlive(appPid) && (isRunning || appPid !== process.pid),
  );
  if (user === undefined) return;
  throw new LocalPostgresError(
    "DATA_DIR_IN_USE",
    `The database in ${directory} is in use by process ${user.appPid}. Stop that one first, or choose another data ` +
      "directory.",
  );
}

function stillStopping({ directory }: Place, pid: number): LocalPostgresError {
  return new LocalPostgresError(
    "STILL_STOPPING",
    `An earlier PostgreSQL (process ${pid}) on ${directory} has not ended yet. Wait, or end that process, and start again.`,
  );
}

function isSupervisor(pid: number): boolean {
  const isNamedSo = commandOf(pid)?.includes("supervisor.ts") ?? true;
  return isNamedSo && isAlive(pid);
}

function isServerOf(pid: number, data: string): boolean {
  if (process.platform === "linux") {
    return workingDirectoryOf(pid) === data && commandOf(pid)?.includes("postgres") === true;
  }
  const command = commandOf(pid);
  return command === undefined || (command.includes("postgres") && command.includes(data));
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
