import { type RestartableServer, type Standby, startServer, startStandby } from "@acme/test-postgres/server";
import type { Urls } from "./soak-tables.ts";

/**
 * One PostgreSQL with both databases, which can go away and come back, crash, or be replaced by its standby.
 *
 * Every COMMIT waits for that standby: nothing that was confirmed may be lost when it takes over.
 */
export interface Server extends AsyncDisposable {
  /** Of whoever is the primary. */
  readonly urls: Urls;
  readonly port: number;
  /** Cuts every connection. */
  stop(): Promise<void>;
  /** Cuts every connection and writes nothing any more; the next start recovers. */
  stopImmediately(): Promise<void>;
  /** Resolves when the server accepts connections again. */
  start(): Promise<void>;
  /** One backend dies of SIGKILL: all connections are cut, and the server recovers. Resolves when it has. */
  crash(): Promise<void>;
  /** Kills the primary and promotes the standby, which has another port and no standby of its own. */
  failOver(): Promise<void>;
  /** Stops the primary to copy it, and starts both again; it had none. */
  addStandby(): Promise<void>;
}

// By default a standby that has lost its primary waits five seconds, and all COMMITs with it.
const standbySettings = { wal_retrieve_retry_interval: "100ms" };

export async function startServerWithStandby(): Promise<Server> {
  let primary: RestartableServer = await startServer({ databases: ["app", "jobs"] });
  let standby: Standby | undefined;

  async function addStandby(): Promise<void> {
    standby = await startStandby(primary, { isSynchronous: true, settings: standbySettings });
  }
  async function failOver(): Promise<void> {
    if (standby === undefined) throw new Error("There is no standby to take over.");
    const old = primary;
    await old.kill();
    await standby.promote();
    primary = standby;
    standby = undefined;
    await old[Symbol.asyncDispose]();
  }
  await addStandby();
  return {
    get urls() {
      return { app: primary.url("app"), jobs: primary.url("jobs") };
    },
    get port() {
      return primary.port;
    },
    stop: () => primary.stop(),
    stopImmediately: () => primary.stopImmediately(),
    start: () => primary.start(),
    crash: () => primary.crash(),
    failOver,
    addStandby,
    async [Symbol.asyncDispose]() {
      await Promise.all([primary[Symbol.asyncDispose](), standby?.[Symbol.asyncDispose]()]);
    },
  };
}
