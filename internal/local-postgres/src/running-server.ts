import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { commandOf, exists, isAlive, signal, workingDirectoryOf } from "./process-table.ts";
import { run } from "./run.ts";

/** Above what any system gives out. */
const impossiblePid = 2 ** 31 - 1;

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
    if (Date.now() > deadlineAt) throw stillStopping(cluster);
    const server = findServer(cluster);
    if (server === undefined) return;
    const supervisors = readSupervisors(cluster);
    assertNotInUse(cluster, supervisors);

    const isOrphan = !server.isSingleUser && !supervisors.some(({ isRunning }) => isRunning);
    if (isOrphan && !isAskedToStop) {
      await stopServer(server.pid, cluster, binaries);
      isAskedToStop = true;
    }
    await delay(20);
  }
}

/** The server on these data, if one runs. A lock file left by a dead one is told from a living one's. */
export function findServer(cluster: Place): { pid: number; isSingleUser: boolean } | undefined {
  const lock = path.join(cluster.data, "postmaster.pid");
  const content = readIfThere(lock);
  if (content === undefined) return undefined;
  const recorded = Number.parseInt(content, 10);
  const pid = Math.abs(recorded);
  // PostgreSQL writes the pid of its single-user mode as a negative number.
  if (isAlive(pid) && isServerOf(pid, cluster.data)) return { pid, isSingleUser: recorded < 0 };
  if (content === "" || exists(pid)) disown(lock, content);
  return undefined;
}

/**
 * PostgreSQL takes a lock file for a living server's when its process id exists. But the id may be another program's
 * by now, or that of a killed server that nobody has reaped. The rest of the file stays: by it, PostgreSQL sees
 * whether processes of that server still use its memory.
 */
function disown(lock: string, content: string): void {
  if (content !== "") writeFileSync(lock, content.replace(/^-?\d+/, String(impossiblePid)));
  // An empty one is just being written, or was left by a server that was killed in that very moment.
  else if (Date.now() - statSync(lock).mtimeMs > 2_000) rmSync(lock, { force: true });
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

function stillStopping({ directory, data }: Place): LocalPostgresError {
  return new LocalPostgresError(
    "STILL_STOPPING",
    `An earlier PostgreSQL on ${directory} does not end. Look for the process that the first line of ` +
      `${path.join(data, "postmaster.pid")} names, end it, and start again.`,
  );
}

function isSupervisor(pid: number): boolean {
  const isNamedSo = commandOf(pid)?.match(/supervisor\.(?:ts|c?js)/) !== null;
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
