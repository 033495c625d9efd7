import type { Knex } from "knex";
import type { Pool, PoolClient } from "pg";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  beforeCommit,
  createEventBus,
  createUnitOfWork,
  defineEvent,
  DomainEvent,
  type EventRecorder,
  props,
} from "../src/index.ts";
import { knexTransactions } from "../src/knex.ts";
import { pgTransactions } from "../src/pg.ts";
import { createMemoryUnitOfWork } from "../src/testing.ts";

class Registered extends defineEvent("registered", props<{ userId: string; nickname?: string }>()) {}
class Verified extends defineEvent("verified", z.object({ at: z.coerce.date() })) {}
class Emptied extends defineEvent("emptied") {}
class Optional extends defineEvent("optional", props<{ note?: string }>()) {}

describe("events", () => {
  it("have a literal type and read-only properties", () => {
    expectTypeOf<Registered["type"]>().toEqualTypeOf<"registered">();
    expectTypeOf(Registered.type).toEqualTypeOf<"registered">();
    expectTypeOf<Pick<Registered, "userId">>().toEqualTypeOf<{ readonly userId: string }>();
    expectTypeOf<Registered>().toExtend<DomainEvent>();
  });

  it("take the input of their schema and have its output", () => {
    expectTypeOf<ConstructorParameters<typeof Verified>>().toEqualTypeOf<[props: { at: unknown }]>();
    expectTypeOf<Verified["at"]>().toEqualTypeOf<Date>();
  });

  it("take arguments only where there is something to give", () => {
    expectTypeOf<ConstructorParameters<typeof Emptied>>().toEqualTypeOf<[]>();
    expectTypeOf<ConstructorParameters<typeof Optional>>().toEqualTypeOf<[props?: { note?: string }]>();
  });

  it("take an argument where some member of a union needs one, whatever its members have in common", () => {
    const Paid = defineEvent("paid", props<{ card: string } | { iban: string }>());
    const Checked = defineEvent("checked", z.union([z.object({ card: z.string() }), z.object({ iban: z.string() })]));
    const Noted = defineEvent("noted", props<{ note?: string } | { reason: string }>());

    expectTypeOf<ConstructorParameters<typeof Paid>>().toEqualTypeOf<[props: { card: string } | { iban: string }]>();
    expectTypeOf<ConstructorParameters<typeof Checked>>().toEqualTypeOf<[props: { card: string } | { iban: string }]>();
    expectTypeOf<ConstructorParameters<typeof Noted>>().toEqualTypeOf<
      [props?: { note?: string } | { reason: string }]
    >();
    // @ts-expect-error -- one of the two is needed.
    void (() => new Paid());
  });

  it("are told apart by what the members of a union have in common", () => {
    const Paid = defineEvent("paid", props<{ by: "card"; card: string } | { by: "cash" }>());
    const describePayment = (paid: InstanceType<typeof Paid>) => (paid.by === "card" ? paid.card : paid.by);

    expectTypeOf(describePayment).returns.toEqualTypeOf<string>();
    createEventBus().register(Paid, (event) => {
      expectTypeOf(event).toEqualTypeOf<InstanceType<typeof Paid>>();
    });
    // @ts-expect-error -- a class has one shape: a union is no base for it.
    class Extended extends Paid {}
    expectTypeOf<Extended>().toBeObject();
  });

  it("are nominal", () => {
    class Other extends defineEvent("other", props<{ userId: string; nickname?: string }>()) {}

    expectTypeOf<Other>().not.toExtend<Registered>();
  });

  it("refuse reserved names with a message", () => {
    // @ts-expect-error -- "occurredAt" is reserved: every event has its own
    props<{ occurredAt: number }>();
  });
});

describe("handlers", () => {
  const bus = createEventBus<Knex.Transaction>();

  it("know their event, and the transaction of the bus", () => {
    bus.register(Registered, (event, { record }) => {
      expectTypeOf(event).toEqualTypeOf<Registered>();
      expectTypeOf(record).toEqualTypeOf<(event: object) => void>();
    });
    bus.register(
      Verified,
      beforeCommit((event, { tx }) => {
        expectTypeOf(event).toEqualTypeOf<Verified>();
        expectTypeOf(tx).toEqualTypeOf<Knex.Transaction>();
      }),
    );
    bus.register(DomainEvent, (event) => expectTypeOf(event).toEqualTypeOf<DomainEvent>());
  });

  it("are not taken for another event or another transaction", () => {
    // @ts-expect-error -- another event.
    bus.register(Registered, (event: Verified) => event.at);
    bus.register(
      Registered,
      // @ts-expect-error -- another transaction.
      beforeCommit((_event: Registered, { tx }: { tx: PoolClient }) => tx),
    );
  });
});

describe("a unit of work", () => {
  const knex = {} as Knex;
  const pool = {} as Pool;

  it("hands over the driver's own transaction, and returns what the work returns", () => {
    void createUnitOfWork(knexTransactions(knex)).run(({ tx }) => {
      expectTypeOf(tx).toEqualTypeOf<Knex.Transaction>();
    });
    const withPg = () => createUnitOfWork(pgTransactions(pool)).run(({ tx }) => tx);
    const inMemory = () => createMemoryUnitOfWork().run(async ({ tx }) => ({ tx, one: 1 }));

    expectTypeOf(withPg).returns.resolves.toEqualTypeOf<PoolClient>();
    expectTypeOf(inMemory).returns.resolves.toEqualTypeOf<{ tx: undefined; one: number }>();
  });

  it("hands over what the mapping makes of the pool's client", () => {
    class Session {
      readonly client: PoolClient;
      constructor(client: PoolClient) {
        this.client = client;
      }
      flush(): Promise<void> {
        return Promise.resolve();
      }
    }
    const sessions = pgTransactions(pool, {
      tx: async (client) => {
        expectTypeOf(client).toEqualTypeOf<PoolClient>();
        return new Session(client);
      },
      beforeCommit: (session) => session.flush(),
    });
    const run = () => createUnitOfWork(sessions, { bus: createEventBus() }).run(({ tx }) => tx);

    expectTypeOf(run).returns.resolves.toEqualTypeOf<Session>();
    // @ts-expect-error -- a bus for another transaction.
    createUnitOfWork(sessions, { bus: createEventBus<PoolClient>() });
    // @ts-expect-error -- a session does not save.
    pgTransactions(pool, { tx: (client) => new Session(client), beforeCommit: (session) => session.save() });
  });

  it("takes a bus for its own transaction, or for any", () => {
    const adapter = pgTransactions(pool);
    createUnitOfWork(adapter, { bus: createEventBus<PoolClient>() });
    createUnitOfWork(adapter, { bus: createEventBus() });
    // @ts-expect-error -- a bus for knex.
    createUnitOfWork(adapter, { bus: createEventBus<Knex.Transaction>() });
  });

  it("tracks what has pullEvents, and returns it as it came", () => {
    class User implements EventRecorder {
      readonly id = 1;
      pullEvents(): object[] {
        return [];
      }
    }
    const tracked = () => createMemoryUnitOfWork().run(({ track }) => track(new User()));

    expectTypeOf(tracked).returns.resolves.toEqualTypeOf<User>();
  });

  it("tells whether runOnce ran before it shows the result", () => {
    const ranOnce = () => createMemoryUnitOfWork().runOnce("key", () => 1);

    expectTypeOf(ranOnce).returns.resolves.toEqualTypeOf<
      { readonly ran: true; readonly result: number } | { readonly ran: false }
    >();
  });
});
