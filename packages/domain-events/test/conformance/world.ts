import {
  createTemplate,
  createTestDatabase,
  type Proxy,
  startProxy,
  terminateBackends,
  type TestDatabase,
} from "@acme/test-postgres";
import { Client, Pool } from "pg";
import {
  createEventBus,
  createUnitOfWork,
  defineEvent,
  type DurableHandler,
  type EventBus,
  props,
  type TransactionAdapter,
  type UnitOfWork,
  type UnitOfWorkOptions,
} from "../../src/index.ts";
import { type KeptLog, keepLog } from "../support/silent-logger.ts";

/** What the conformance suite has to know of a driver. */
export interface TestedDriver<Tx> {
  readonly name: string;
  connect(url: string, options: ConnectOptions): Connected<Tx>;
  /** Sends a statement the way an application does. */
  query(tx: Tx, text: string): Promise<unknown>;
  /** Sends one in the driver's callback style. */
  queryCalling(tx: Tx, text: string, called: (error: unknown) => void): void;
  /** Calls for each row of a stream of the driver's, and settles when that is over. */
  stream(tx: Tx, text: string, onRow: () => void): Promise<void>;
  /** Ways in which a work may meddle with the transaction. */
  readonly meddling: readonly { readonly how: string; readonly meddle: (tx: Tx) => unknown }[];
  /** Ways in which the driver calls back: each calls `then` once, when a query is under way or done. */
  readonly callbackStyles: readonly { readonly how: string; readonly call: (tx: Tx, then: () => void) => void }[];
}

export interface ConnectOptions {
  readonly max: number;
  readonly queryTimeoutMs?: number | undefined;
  /** Sees each new connection of the pool. */
  readonly onClient?: ((client: Client) => void) | undefined;
}

export interface Connected<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  /** How many connections are checked out of the pool. */
  inUseCount(): number;
  end(): Promise<void>;
}

export class Happened extends defineEvent("happened", props<{ n: number }>()) {}

export interface WorldOptions<Tx> extends UnitOfWorkOptions<Tx> {
  readonly max?: number;
  readonly queryTimeoutMs?: number;
  readonly onClient?: ConnectOptions["onClient"];
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
}

// One test after another has the same database, emptied: that takes a tenth of the time of a new one.
const idle: TestDatabase[] = [];

export async function createWorld<Tx>(driver: TestedDriver<Tx>, options: WorldOptions<Tx> = {}): Promise<World<Tx>> {
  const database = idle.pop() ?? (await createTestDatabase({ template: await createTemplate("units", createTables) }));
  const proxy = await startProxy(database.url);
  const admin = new Pool({ connectionString: database.url });
  admin.on("error", () => {});
  const { max = 1, queryTimeoutMs, onClient, change = (adapter) => adapter, ...unitOptions } = options;
  const connected = driver.connect(proxy.url, { max, queryTimeoutMs, onClient });
  const adapter = change(connected.adapter);

  const log = keepLog();
  const bus = createEventBus<Tx>({ logger: log });
  const handled: number[] = [];
  bus.register(Happened, ({ n }) => handled.push(n));
  let wakeCount = 0;
  const store: World<Tx>["store"] = {
    async write(requests, transaction) {
      const text = "insert into durable_rows select unnest($1::int[])";
      await (transaction ?? admin).query(text, [requests as number[]]);
      return undefined;
    },
    wake() {
      wakeCount += 1;
    },
  };

  const storeWithProof: World<Tx>["store"] = {
    ...store,
    async write(requests, transaction) {
      const text = `insert into durable_rows select unnest($1::int[]) returning ${transaction?.proofSql ?? "null"} as proof`;
      const { rows } = await (transaction ?? admin).query(text, [requests as number[]]);
      return { proof: rows[0]?.["proof"] };
    },
  };

  return {
    url: database.url,
    proxy,
    bus,
    log,
    adapter,
    unitOfWork: createUnitOfWork(adapter, { bus, ...unitOptions }),
    handled,
    wakeCount: () => wakeCount,
    inUseCount: () => connected.inUseCount(),
    store,
    storeWithProof,
    insert: (tx, id) => driver.query(tx, `insert into rows values (${id})`),
    admin,
    async stored(table = "rows") {
      const { rows } = await admin.query<{ id: number }>(`select id from ${table} order by id`);
      return rows.map(({ id }) => id);
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await connected.end();
      await terminateBackends(database.url, { applicationName: "unit" });
      await admin.query(`truncate rows, durable_rows, checked_late, slow_to_commit; update counters set value = 0;
        drop schema if exists domain_events cascade`);
      await admin.end();
      idle.push(database);
    },
  };
}

/** A handler whose request is the event's number. */
export function durably(store: DurableHandler<Happened>["store"]): DurableHandler<Happened> {
  return { delivery: "durable", name: "durably", store, toRequest: ({ n }) => n };
}

/** Counts as what a work or handler records. */
export function happened(n: number): Happened {
  return new Happened({ n });
}

/** A gate that one side waits at until the other opens it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

async function createTables(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  await client.query(`
    create table rows (id int primary key);
    create table durable_rows (id int not null);
    create table checked_late (id int unique deferrable initially deferred);
    create table counters (id text primary key, value int not null);
    insert into counters values ('a', 0), ('b', 0);
    create function wait_at_commit() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(1); return null; end $$;
    create table slow_to_commit (id int);
    create constraint trigger wait after insert on slow_to_commit deferrable initially deferred
      for each row execute function wait_at_commit();
  `);
  await client.end();
}
