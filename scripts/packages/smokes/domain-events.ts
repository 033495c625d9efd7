// What a stranger would try first, given the entries as one build has them: from an event to its handler, on both drivers.
import type * as DomainEvents from "@acme/domain-events";
import type * as OnKnex from "@acme/domain-events/knex";
import type * as OnPg from "@acme/domain-events/pg";
import type * as Testing from "@acme/domain-events/testing";
import type * as Knex from "knex";
import type * as Pg from "pg";

export interface SmokeModules {
  readonly main: typeof DomainEvents;
  readonly onKnex: typeof OnKnex;
  readonly onPg: typeof OnPg;
  readonly testing: typeof Testing;
  readonly knex: typeof Knex;
  readonly pg: typeof Pg;
}

export const specifiers = {
  main: "@acme/domain-events",
  onKnex: "@acme/domain-events/knex",
  onPg: "@acme/domain-events/pg",
  testing: "@acme/domain-events/testing",
  knex: "knex",
  pg: "pg",
};

export async function smoke(modules: SmokeModules, url: string): Promise<void> {
  const { main, onKnex, onPg, testing, pg: driver } = modules;
  class OrderPlaced extends main.defineEvent("order.placed", main.props<{ orderId: number }>()) {}
  const pool = new driver.Pool({ connectionString: url });
  const knex = modules.knex.default({ client: "pg", connection: url });
  try {
    for (const adapter of [onPg.pgTransactions(pool), onKnex.knexTransactions(knex)]) {
      const bus = main.createEventBus<unknown>();
      const recorder = testing.recordEvents(bus);
      const unitOfWork = main.createUnitOfWork<unknown>(adapter, { bus });
      await unitOfWork.run(({ record }) => record(new OrderPlaced({ orderId: 1 })));
      const failing = unitOfWork.run(async ({ record, query }) => {
        record(new OrderPlaced({ orderId: 2 }));
        await query("select 1 / 0").catch(() => {});
      });
      const code = await failing.then(
        () => "none",
        (error: unknown) => (error instanceof main.TransactionAbortedError ? error.code : String(error)),
      );
      const seen = recorder.events.map((event) => (event instanceof OrderPlaced ? event.orderId : "another"));
      if (code !== "TRANSACTION_ABORTED") throw new Error(`A swallowed error ended in ${code}.`);
      if (String(seen) !== "1") throw new Error(`The handlers saw ${String(seen)}.`);
    }
  } finally {
    await pool.end();
    await knex.destroy();
  }
}
