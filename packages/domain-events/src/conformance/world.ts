import type { DurableHandler, DurableTransaction } from "@acme/shared/durable-handler";
import { type Proxy, startProxy } from "@acme/test-postgres/proxy";
import { createEventBus, type EventBus } from "../bus/event-bus.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { createUnitOfWork, type UnitOfWork } from "../unit-of-work/unit-of-work.ts";
import type { UnitOfWorkOptions } from "../unit-of-work/unit-of-work-options.ts";
import { emptyTables, giveBackDatabase, ownName, send, serverUrlOf, takeDatabase } from "./databases.ts";
import { Happened } from "./events.ts";
import { type KeptLog, keepLog } from "./kept-log.ts";
import { type Client, Pool } from "./pg-module.ts";
import { unwrapped, unwrapping } from "./unwrap.ts";
import type { TestedAdapter } from "./tested-adapter.ts";

export interface WorldOptions<Tx> extends UnitOfWorkOptions<Tx> {
  readonly max?: number;
  readonly queryTimeoutMs?: number;
  readonly onClient?: (client: Client) => void;
  /** What the administrator sends before the pool is opened. */
  readonly before?: string;
  readonly change?: (adapter: TransactionAdapter<Tx>) => TransactionAdapter<Tx>;
}

/** A database, a proxy in front of it, a pool of one connection, and a unit of work whose events are watched. */
export interface World<Tx> extends AsyncDisposable {
  readonly url: string;
  readonly proxy: Proxy;
  readonly bus: EventBus<Tx>;
  readonly log: KeptLog;
  readonly adapter: TransactionAdapter<Tx>;
  readonly unitOfWork: UnitOfWork<Tx>;
  /** What the afterCommit handler has seen. */
  readonly handled: number[];
  readonly wakeCount: () => number;
  readonly inUseCount: () => number;
  readonly store: DurableHandler<Happened>["store"];
  /** One that brings the proof along, as stores should. */
  readonly storeWithProof: DurableHandler<Happened>["store"];
  insert(tx: Tx, id: number): Promise<unknown>;
  /** Past the proxy and the unit of work. */
  readonly admin: Pool;
  stored(table?: "rows" | "durable_rows"): Promise<number[]>;
  /** Ends every session of the adapter, as an administrator would, and resolves when they have ended. */
  terminateUnits(): Promise<void>;
}

export async function createWorld<Tx>(tested: TestedAdapter<Tx>, options: WorldOptions<Tx> = {}): Promise<World<Tx>> {
  const { max = 1, queryTimeoutMs, onClient = () => {}, before, change, ...unitOptions } = options;
  const serverUrl = serverUrlOf(tested);
  const url = await takeDatabase(serverUrl);
  const proxy = await startProxy(url);
  const admin = new Pool({ connectionString: url, application_name: ownName });
  admin.on("error", () => {});
  if (before !== undefined) await admin.query(before);
  const connected = await tested.connect(proxy.url, {
    max,
    queryTimeoutMs,
    onClient: (client) => onClient(client as Client),
  });
  const adapter = change ? change(connected.adapter) : connected.adapter;

  const log = keepLog();
  const bus = createEventBus<Tx>({ logger: log });
  const handled: number[] = [];
  bus.register(Happened, ({ n }) => handled.push(n));

  async function terminateUnits(): Promise<void> {
    await send(
      url,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database()
         and pid <> pg_backend_pid() and backend_type = 'client backend' and application_name <> '${ownName}'`,
    );
  }
  return {
    url,
    proxy,
    bus,
    log,
    adapter,
    unitOfWork: unwrapping(tested, createUnitOfWork(adapter, { bus, ...unitOptions })),
    handled,
    inUseCount: () => connected.inUseCount(),
    ...createStores(admin),
    insert: (tx, id) => unwrapped(tested, async () => tested.query(tx, `insert into rows values (${id})`)),
    admin,
    async stored(table = "rows") {
      const { rows } = await admin.query<{ id: number }>(`select id from ${table} order by id`);
      return rows.map(({ id }) => id);
    },
    terminateUnits,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await connected.end();
      await terminateUnits();
      await admin.query(emptyTables);
      await admin.end();
      giveBackDatabase(serverUrl, url);
    },
  };
}

function createStores(admin: Pool): Pick<World<unknown>, "store" | "storeWithProof" | "wakeCount"> {
  let wakeCount = 0;
  const store: World<unknown>["store"] = {
    async write(requests, transaction) {
      const text = "insert into durable_rows select unnest($1::int[])";
      await (transaction ?? admin).query(text, [requests as number[]]);
      return undefined;
    },
    wake() {
      wakeCount += 1;
    },
  };
  const storeWithProof: World<unknown>["store"] = {
    ...store,
    async write(requests: readonly unknown[], transaction?: DurableTransaction) {
      const text = `insert into durable_rows select unnest($1::int[]) returning ${transaction?.proofSql ?? "null"} as proof`;
      const { rows } = await (transaction ?? admin).query(text, [requests as number[]]);
      return { proof: rows[0]?.["proof"] };
    },
  };
  return { store, storeWithProof, wakeCount: () => wakeCount };
}
