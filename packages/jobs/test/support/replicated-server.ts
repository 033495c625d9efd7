import { startProxy, startServer, startStandby } from "@acme/test-postgres";
import { Pool } from "pg";
import { expect } from "vitest";

/** A primary whose commits wait for a standby, unless that is asynchronous, and the one address at which clients find whoever is the primary. */
export interface ReplicatedServer extends AsyncDisposable {
  /** The database at that address. */
  readonly url: string;
  /** Asks the primary, or who has taken its place. Its own commits wait for nobody. */
  readonly pool: Pool;
  /** From now on the standby receives nothing. */
  cutStandbyOff(): void;
  /** What it has missed arrives. */
  bringStandbyBack(): void;
  /** Resolves when somebody waits for the standby who began after the last wait was ended. */
  untilOneWaits(): Promise<void>;
  /** Calls a function of the administrator, such as `pg_cancel_backend`, for each who waits. */
  endWaits(functionName: string): Promise<void>;
  /** Ends the primary like a crash, and starts it again. */
  restart(): Promise<void>;
  /** Kills the primary, promotes the standby, and lets the address lead there. */
  failOver(): Promise<void>;
}

export async function startReplicatedServer(
  migrate: (url: string) => Promise<void>,
  { isSynchronous = true }: { isSynchronous?: boolean } = {},
): Promise<ReplicatedServer> {
  await using started = new AsyncDisposableStack();
  const primary = started.use(await startServer({ databases: ["jobs"] }));
  await migrate(primary.url("jobs"));
  const link = started.use(await startProxy(primary.url()));
  const standby = started.use(await startStandby(primary, { primaryUrl: link.url, isSynchronous }));
  const address = started.use(await startProxy(primary.url("jobs")));
  const pool = new Pool({ connectionString: address.url, options: "-c synchronous_commit=local" });
  pool.on("error", () => undefined);
  started.defer(() => pool.end());
  let endedAt = new Date(0);
  const waitsSql = "from pg_stat_activity where wait_event = 'SyncRep' and datname = current_database()";
  const countWaiting = async () =>
    (await pool.query(`select ${waitsSql} and query_start > $1`, [endedAt]).catch(() => undefined))?.rowCount;
  const noteTime = async () => {
    const { rows } = await pool.query<{ now: Date }>("select clock_timestamp() as now");
    endedAt = rows[0]!.now;
  };
  const all = started.move();
  return {
    url: address.url,
    pool,
    cutStandbyOff: () => link.goSilent(),
    bringStandbyBack: () => link.resume(),
    async untilOneWaits() {
      await expect.poll(countWaiting, { timeout: 15_000 }).toBeGreaterThan(0);
    },
    async endWaits(functionName) {
      await noteTime();
      await pool.query(`select ${functionName}(pid) ${waitsSql}`);
    },
    async restart() {
      await noteTime();
      await primary.stopImmediately();
      await primary.start();
    },
    async failOver() {
      await primary.kill();
      await standby.promote();
      address.redirect(standby.url("jobs"));
      address.cutAll();
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
