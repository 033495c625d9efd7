import type { Knex } from "knex";
import type { Pool, PoolClient } from "pg";
import { describe, expect, expectTypeOf, it } from "vitest";
import { createEventBus, createUnitOfWork, defineEvent, type EventBus, props } from "../../src/index.ts";
import { knexTransactions } from "../../src/knex.ts";
import { pgTransactions } from "../../src/pg.ts";
import {
  assertPublished,
  assertPublishedInOrder,
  beginTestTransaction,
  type EventRecorder,
  recordEvents,
} from "../../src/testing.ts";
import { busFixture } from "../../src/vitest.ts";

class Placed extends defineEvent("placed", props<{ id: number; address: { city: string; zip: string } }>()) {}
class Paid extends defineEvent("paid", props<{ by: "card" | "cash" }>()) {}

declare const recorder: EventRecorder;

describe("expectations of events", () => {
  it("take some properties of the event, of objects inside, too", () => {
    expect(recorder).toHavePublished(Placed, { id: 7, address: { city: "Bern" } });
    expect(recorder).toHavePublished(Paid, { by: "card", type: "paid" });
    expect(recorder).toHavePublished(Placed, { id: expect.any(Number), address: expect.anything() });
    // @ts-expect-error -- a property of no event.
    expect(recorder).toHavePublished(Placed, { vanished: 7 });
    // @ts-expect-error -- a property of another event.
    expect(recorder).not.toHavePublished(Placed, { by: "card" });
    // @ts-expect-error -- a property inside that is misspelt.
    expect(recorder).toHavePublished(Placed, { address: { town: "Bern" } });
    // @ts-expect-error -- not a value of it.
    expect(recorder).toHavePublished(Paid, { by: "barter" });
    // @ts-expect-error -- an event, not its class.
    expect(recorder).toHavePublished(new Paid({ by: "card" }));
  });

  it("take each event of an order with properties of its own", () => {
    expect(recorder).toHavePublishedInOrder([Placed, [Paid, { by: "cash" }], [Placed, { id: 7 }]]);
    assertPublishedInOrder(recorder, [Placed, [Paid, { by: "cash" }]]);
    // @ts-expect-error -- a property of the other event.
    expect(recorder).toHavePublishedInOrder([Placed, [Paid, { id: 7 }]]);
    // @ts-expect-error -- a property of the other event.
    assertPublishedInOrder(recorder, [[Placed, { by: "cash" }], Paid]);
  });

  it("are about a recorder or a list of events", () => {
    expectTypeOf(assertPublished(recorder, Placed)).toEqualTypeOf<Placed>();
    expectTypeOf(assertPublished([new Paid({ by: "card" })], Paid, { by: "card" })).toEqualTypeOf<Paid>();
    // @ts-expect-error -- a bus keeps no events.
    void (() => assertPublished({} as EventBus, Placed));
    expectTypeOf(recordEvents().of(Placed)).toEqualTypeOf<Placed[]>();
  });
});

describe("busFixture", () => {
  it("gives a bus for the transactions that it is made for", () => {
    it.extend(busFixture<Knex.Transaction>())("has a bus", ({ bus, events }) => {
      expectTypeOf(bus).toEqualTypeOf<EventBus<Knex.Transaction>>();
      expectTypeOf(events).toEqualTypeOf<EventRecorder>();
    });
    it.extend(busFixture())("has a bus", ({ bus }) => expectTypeOf(bus).toEqualTypeOf<EventBus>());
    // @ts-expect-error -- no such option.
    busFixture({ vanished: true });
  });
});

describe("beginTestTransaction", () => {
  it("has the transaction of its driver, for the test and for its units", () => {
    void (async (knex: Knex, pool: Pool) => {
      const onKnex = await beginTestTransaction(knexTransactions(knex));
      expectTypeOf(onKnex.tx).toEqualTypeOf<Knex.Transaction>();
      const onPg = await beginTestTransaction(pgTransactions(pool));
      expectTypeOf(onPg.tx).toEqualTypeOf<PoolClient>();
      await createUnitOfWork(onPg.transactions, { bus: createEventBus<PoolClient>() }).run(({ tx }) => {
        expectTypeOf(tx).toEqualTypeOf<PoolClient>();
      });
      // @ts-expect-error -- a pool is not an adapter.
      await beginTestTransaction(pool);
    });
  });
});
