import { Pool } from "pg";
import knex, { type Knex } from "knex";
import { beforeCommit, createEventBus, createUnitOfWork, defineEvent, props, register } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import { recordEvents } from "@acme/domain-events/testing";
import { clearHandlersAfterEach } from "@acme/domain-events/vitest";

declare module "@acme/domain-events" {
  interface DefaultBus {
    transaction: Knex.Transaction;
  }
}

class Registered extends defineEvent("registered", props<{ userId: string }>()) {}

const bus = createEventBus();
bus.lifecycle.on("event:published", ({ event }) => event);
// @ts-expect-error -- no such event.
bus.lifecycle.on("event:vanished", () => {});
clearHandlersAfterEach(bus);
register(
  Registered,
  beforeCommit((_event, { tx }) => tx.isTransaction),
);

createUnitOfWork(knexTransactions(knex({ client: "pg" })), { bus });
createUnitOfWork(pgTransactions(new Pool()), { bus });
// @ts-expect-error -- not a pool.
pgTransactions({});
// @ts-expect-error -- not a knex instance.
knexTransactions({});
// @ts-expect-error -- not a bus.
clearHandlersAfterEach({});

export const [userId]: (string | undefined)[] = recordEvents(bus)
  .of(Registered)
  .map((event) => event.userId);
