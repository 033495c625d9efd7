import { Client } from "pg";
import { createEventBus, createUnitOfWork, type EventBus, type UnitOfWork } from "../../src/index.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";
import { Happened, happened } from "../../src/conformance/events.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

/** A unit of work on a server that a test has for itself, and what its afterCommit handler has seen. */
export interface Units<Tx> extends AsyncDisposable {
  readonly bus: EventBus<Tx>;
  readonly unitOfWork: UnitOfWork<Tx>;
  readonly published: number[];
}

export interface UnitsOptions {
  /** Connections of the pool. Default: 1. */
  readonly max?: number;
  readonly outcomeTimeoutMs?: number;
  readonly commitTimeoutMs?: number;
  readonly onClient?: (client: Client) => void;
}

export async function openUnits<Tx>(
  driver: TestedAdapter<Tx>,
  url: string,
  { max = 1, onClient = () => {}, ...limits }: UnitsOptions = {},
): Promise<Units<Tx>> {
  const connected = await driver.connect(url, { max, onClient: (client) => onClient(client as Client) });
  const bus = createEventBus<Tx>({ logger: keepLog() });
  const published: number[] = [];
  bus.register(Happened, ({ n }) => published.push(n));
  const unitOfWork = createUnitOfWork(connected.adapter, { bus, ...limits });
  return { bus, unitOfWork, published, [Symbol.asyncDispose]: async () => void (await connected.end()) };
}

/** Rows of units, rows of others, and a table whose COMMIT waits for whoever holds the advisory lock 1. */
const tables = `
  create table rows (id int primary key);
  create table durable_rows (id int not null);
  create table others_rows (id int);
  create function wait_at_commit() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(1); return null; end $$;
  create table slow_to_commit (id int);
  create constraint trigger wait after insert on slow_to_commit deferrable initially deferred
    for each row execute function wait_at_commit();`;

export function createTables(url: string): Promise<void> {
  return withClient(url, async (client) => void (await client.query(tables)));
}

/**
 * Writes one row to each table. The first change of a page after a checkpoint is large, and a server writes full pages of
 * its WAL to the disk by itself: a unit that comes after this one is small enough to be lost.
 */
export function touchTables(url: string, id: number): Promise<void> {
  const text = ["rows", "durable_rows", "others_rows", "slow_to_commit"].map(
    (table) => `insert into ${table} values (${id})`,
  );
  return withClient(url, async (client) => void (await client.query(text.join(";"))));
}

/** Inserts the row `id` and records the event `id`. */
export function insertOne<Tx>(
  driver: TestedAdapter<Tx>,
  { unitOfWork }: Pick<Units<Tx>, "unitOfWork">,
  id: number,
  before?: string,
): Promise<void> {
  return unitOfWork.run(async ({ tx, record }) => {
    if (before !== undefined) await driver.query(tx, before);
    record(happened(id));
    await driver.query(tx, `insert into rows values (${id})`);
  });
}

/** The units whose rows are there, past everything. */
export function storedRows(url: string): Promise<number[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ id: number }>("select id from rows order by id");
    return rows.map(({ id }) => id);
  });
}

export async function withClient<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  await using session = await openSession(url);
  return await work(session.client);
}

/** A connection of nobody's pool, which a dying server may take with it. */
export async function openSession(url: string): Promise<AsyncDisposable & { readonly client: Client }> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end().catch(() => {}) };
}
