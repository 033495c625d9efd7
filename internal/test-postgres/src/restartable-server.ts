import { rm } from "node:fs/promises";
import { type LocalPostgres, startLocalPostgres } from "@acme/local-postgres";
import { createCluster } from "./cluster.ts";
import { crash } from "./crash.ts";
import { installationOf, type PostgresVersion } from "./postgres-versions.ts";
import { childrenOf, sendSignal } from "./processes.ts";
import { createServerLog } from "./server-log.ts";

export interface RestartableServer extends AsyncDisposable {
  readonly port: number;
  readonly version: PostgresVersion;
  /** The directory with the cluster: its data and its password. */
  readonly dataDir: string;
  /** A superuser's connection string; the same before and after a restart. */
  url(database?: string): string;
  /** Cuts all connections; new ones are refused until `start()`. Nothing committed is lost. */
  stop(): Promise<void>;
  /** Stops as `pg_ctl stop -m immediate` does: what is not in the WAL yet is lost, and the next `start()` recovers. */
  stopImmediately(): Promise<void>;
  /** Sends SIGKILL to the server and all of its backends. */
  kill(): Promise<void>;
  /**
   * Sends SIGKILL to one backend, by default to a new one that no test uses. The server then ends all other backends
   * and recovers. Resolves when the server has crashed and accepts connections again.
   */
  crash(backendPid?: number): Promise<void>;
  /** Starts the server with these settings, besides those that it was given before. */
  start(settings?: PostgresSettings): Promise<void>;
}

export type PostgresSettings = Readonly<Record<string, string>>;

export interface RestartableServerOptions {
  /** Databases to create, besides `postgres`. */
  databases?: string[];
  /** Default: `"18"`. Ask `isInstalled` before. */
  version?: PostgresVersion;
  /** Settings besides PostgreSQL's defaults, which are not changed here: `fsync` is on. */
  settings?: PostgresSettings;
  /** An existing cluster, which is removed with this server. Default: a new one. */
  dataDir?: string;
}

/** Starts a server for one test alone. It can be stopped and started again on the same port with the same data. */
export async function startServer(options: RestartableServerOptions = {}): Promise<RestartableServer> {
  const { databases = [], version = "18" } = options;
  const dataDir = options.dataDir ?? (await createCluster(version));
  let settings = options.settings ?? {};
  const log = createServerLog();
  const launch = (given: { databases?: string[]; port?: number }): Promise<LocalPostgres> => {
    const installation = installationOf(version);
    return startLocalPostgres({ dataDir, settings, onLog: log.add, ...(installation && { installation }), ...given });
  };
  const first = await launch({ databases });
  let running: LocalPostgres | undefined = first;

  async function stop(): Promise<void> {
    await running?.stop();
    running = undefined;
  }
  async function endBy(end: (pid: number) => void): Promise<void> {
    if (running === undefined) return;
    end(running.pid);
    await running.ended();
    await stop();
  }
  const kill = (): Promise<void> =>
    endBy((pid) => {
      const backends = childrenOf(pid);
      for (const each of [pid, ...backends]) sendSignal(each, "SIGKILL");
    });
  return {
    port: first.port,
    version,
    dataDir,
    url: first.url,
    stop,
    stopImmediately: () => endBy((pid) => sendSignal(pid, "SIGQUIT")),
    kill,
    crash: (backendPid) => crash(first.url(), log, backendPid),
    async start(more) {
      settings = { ...settings, ...more };
      running ??= await launch({ port: first.port });
    },
    async [Symbol.asyncDispose]() {
      // The data that a stop would write to the disk is not needed any more.
      await (process.platform === "win32" ? stop() : kill());
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
