import { createTemplate, createTestDatabase } from "@acme/test-postgres";
import { Client, type Pool } from "pg";
import { createEventBus, createUnitOfWork, type EventBus, type UnitOfWork } from "../../../src/index.ts";
import { Happened } from "../../../src/conformance/events.ts";
import { keepLog } from "../../../src/conformance/kept-log.ts";
import { Ledger } from "./ledger.ts";
import type { Sender } from "./senders.ts";

/** Two databases, and units of work that publish on one bus. */
export interface World<Tx> extends AsyncDisposable {
  readonly sender: Sender<Tx>;
  readonly bus: EventBus<Tx>;
  readonly here: Side<Tx>;
  readonly elsewhere: Side<Tx>;
  /** Of the program that is running. */
  readonly ledger: Ledger;
  /** Before each program. */
  startLedger(): void;
}

export interface Side<Tx> {
  readonly unitOfWork: UnitOfWork<Tx>;
  /** By another adapter object over the same pool. */
  readonly sameByOtherAdapter: UnitOfWork<Tx>;
  /** Past all units. */
  readonly admin: Pool;
  inUseCount(): number;
  /** Numbers of the running program, in order. */
  stored(): Promise<number[]>;
}

const numbersPerProgram = 10_000;

export async function createWorld<Tx>(sender: Sender<Tx>): Promise<World<Tx>> {
  const disposables = new AsyncDisposableStack();
  const bus = createEventBus<Tx>({ logger: keepLog() });
  let programCount = 0;
  let ledger = new Ledger(0);
  bus.register(Happened, (event) => ledger.onPublished(event));

  async function openSide(max: number): Promise<Side<Tx>> {
    const database = disposables.use(
      await createTestDatabase({ template: await createTemplate("scope_model", createTables) }),
    );
    const admin = database.pool({ max: 1 });
    const { adapter, inUseCount, end } = await sender.driver.connect(database.url, { max, onClient() {} });
    disposables.defer(async () => void (await end()));
    return {
      unitOfWork: createUnitOfWork(adapter, { bus }),
      sameByOtherAdapter: createUnitOfWork({ ...adapter }, { bus }),
      admin,
      inUseCount,
      async stored() {
        const { rows } = await admin.query<{ id: number }>("select id from rows where id > $1 order by id", [
          ledger.rowOf(0),
        ]);
        return rows.map(({ id }) => ledger.numberOf(id));
      },
    };
  }

  return {
    sender,
    bus,
    here: await openSide(3),
    elsewhere: await openSide(3),
    get ledger() {
      return ledger;
    },
    startLedger() {
      ledger = new Ledger((programCount += 1) * numbersPerProgram);
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

async function createTables(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  await client.query(`
    create table rows (id int primary key);
    create table checked_late (id int unique deferrable initially deferred);
  `);
  await client.end();
}
