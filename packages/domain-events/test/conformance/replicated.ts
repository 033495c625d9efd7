import {
  type PostgresVersion,
  type Proxy,
  type RestartableServer,
  type Standby,
  startProxy,
  startServer,
  startStandby,
} from "@acme/test-postgres";
import { expect } from "vitest";
import { createTables, openSession, touchTables, withClient } from "./units.ts";

/** A primary, its standby, and the one address at which an application finds whoever is the primary. */
export interface Replicated extends AsyncDisposable {
  readonly primary: RestartableServer;
  readonly standby: Standby;
  /** Between the two: silent, nothing is replicated. */
  readonly link: Proxy;
  /** In front of the primary. */
  readonly address: Proxy; /** Kills the primary and promotes the standby. */
  promote(): Promise<void>;
  /** Lets the address lead to the standby, and cuts off what was on its way. */
  redirect(): Promise<void>;
  /** Both. */
  failOver(): Promise<void>;
}

export interface ReplicatedOptions {
  readonly version: PostgresVersion;
  readonly isSynchronous: boolean;
}

export async function startReplicated({ version, isSynchronous }: ReplicatedOptions): Promise<Replicated> {
  await using started = new AsyncDisposableStack();
  const primary = started.use(await startServer({ version }));
  await createTables(primary.url());
  await touchTables(primary.url(), -1);
  const link = started.use(await startProxy(primary.url()));
  const standby = started.use(await startStandby(primary, { primaryUrl: link.url, isSynchronous }));
  const address = started.use(await startProxy(primary.url()));
  await touchTables(primary.url(), -2);
  const all = started.move();
  async function promote(): Promise<void> {
    await primary.kill();
    await standby.promote();
  }
  async function redirect(): Promise<void> {
    address.redirect(standby.url());
    address.cutAll();
    address.resume();
    await address.acceptConnections();
  }
  return {
    primary,
    standby,
    link,
    address,
    promote,
    redirect,
    async failOver() {
      await promote();
      await redirect();
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Resolves when so many units wait in COMMIT for the synchronous standby. */
export async function untilWaitingForStandby({ primary }: Replicated, count: number): Promise<void> {
  const text = "select from pg_stat_activity where wait_event = 'SyncRep' and application_name = 'unit'";
  await using session = await openSession(primary.url());
  const countWaiting = async () => (await session.client.query(text)).rowCount;
  await expect.poll(countWaiting, { interval: 5, timeout: 10_000 }).toBeGreaterThanOrEqual(count);
}

/** Calls a function of the administrator, such as `pg_cancel_backend`, for each unit that waits for the standby. */
export async function callForWaiting({ primary }: Replicated, functionName: string): Promise<void> {
  await withClient(primary.url(), (client) =>
    client.query(`select ${functionName}(pid) from pg_stat_activity
      where wait_event = 'SyncRep' and application_name = 'unit'`),
  );
}
