import { appendFile, chown, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withConnection } from "./admin.ts";
import { copyCluster } from "./cluster.ts";
import { type PostgresSettings, type RestartableServer, startServer } from "./restartable-server.ts";

export interface Standby extends RestartableServer {
  /** Makes the standby the primary, and resolves when it accepts writes. Commits that it had not received are lost. */
  promote(): Promise<void>;
}

export interface StandbyOptions {
  /**
   * The address at which it reaches the primary. Pass a proxy to cut or delay replication. Default: the primary itself.
   */
  primaryUrl?: string;
  /** Whether the primary waits for it in every COMMIT. Default: `false`. */
  isSynchronous?: boolean;
  settings?: PostgresSettings;
}

const standbyName = "standby";
const patienceMs = 30_000;
const lookEveryMs = 5;

/**
 * Copies the primary, which is stopped meanwhile and started again, and starts the copy as its standby. Resolves when
 * the standby replicates.
 */
export async function startStandby(
  primary: RestartableServer,
  { primaryUrl = primary.url(), isSynchronous = false, settings = {} }: StandbyOptions = {},
): Promise<Standby> {
  await primary.stop();
  const dataDir = await copyCluster(primary.dataDir);
  await followPrimary(path.join(dataDir, "data"), primaryUrl);

  await primary.start({ synchronous_standby_names: isSynchronous ? standbyName : "" });
  const standby = await startServer({ version: primary.version, settings, dataDir });
  await untilReplicating(primary);
  return { ...standby, promote: () => promote(standby) };
}

async function followPrimary(data: string, primaryUrl: string): Promise<void> {
  const { hostname, port, username, password } = new URL(primaryUrl);
  const target = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`;
  const connection = `${target} application_name=${standbyName} sslmode=disable gssencmode=disable`;
  await appendFile(path.join(data, "postgresql.auto.conf"), `primary_conninfo = '${connection}'\n`);
  const signal = path.join(data, "standby.signal");
  await writeFile(signal, "");
  const { uid, gid } = await stat(data);
  await chown(signal, uid, gid);
}

async function untilReplicating(primary: RestartableServer): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  await withConnection(primary.url(), async (query) => {
    for (;;) {
      const { rowCount } = await query("select from pg_stat_replication where state = 'streaming'");
      if (rowCount === 1) return;
      if (performance.now() > giveUpAt) throw new Error("The standby does not replicate.");
      await delay(lookEveryMs);
    }
  });
}

async function promote(standby: RestartableServer): Promise<void> {
  await withConnection(standby.url(), (query) => query("select pg_promote(true, 30)"));
}
