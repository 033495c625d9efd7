import pg = require("pg");
import events = require("@acme/domain-events");
import { pgTransactions } from "@acme/domain-events/pg";
import { recordEvents } from "@acme/domain-events/testing";

class Registered extends events.defineEvent("registered", events.props<{ userId: string }>()) {}

const bus = events.createEventBus<pg.PoolClient>();
bus.register(
  Registered,
  events.beforeCommit(async ({ userId }, { tx }) => {
    const { rows } = await tx.query<{ id: number }>("select id from users where id = $1", [userId]);
    const id: number | undefined = rows[0]?.id;
    return id;
  }),
);
bus.lifecycle.on("event:published", ({ event }) => event);
// @ts-expect-error -- typed-emitter must not have turned into any.
bus.lifecycle.on("event:vanished", () => {});
// @ts-expect-error -- typed-emitter must not have turned into any.
bus.lifecycle.on("event:published", ({ vanished }) => vanished);

const unitOfWork = events.createUnitOfWork(pgTransactions(new pg.Pool()), { bus });
export async function use(): Promise<number | null> {
  return unitOfWork.run(async ({ tx, record }) => {
    record(new Registered({ userId: "1" }));
    const escaped: string = tx.escapeIdentifier("users");
    // @ts-expect-error -- not a method of a client.
    tx.vanish();
    return (await tx.query(`select from ${escaped}`)).rowCount;
  });
}
// @ts-expect-error -- a bus for another transaction.
events.createUnitOfWork(pgTransactions(new pg.Pool()), { bus: events.createEventBus<{ other: true }>() });
// @ts-expect-error -- not a pool.
pgTransactions({});

export const registered: Registered[] = recordEvents(bus).of(Registered);
