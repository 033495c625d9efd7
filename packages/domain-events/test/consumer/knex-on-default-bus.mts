import knex, { type Knex } from "knex";
import {
  beforeCommit,
  createEventBus,
  createUnitOfWork,
  type TransactionAdapter,
  defineEvent,
  DomainEvent,
  type DurableHandler,
  HandlersFailedError,
  props,
  register,
} from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { assertPublished, createMemoryUnitOfWork, recordEvents } from "@acme/domain-events/testing";
import { busFixture, clearHandlersAfterEach } from "@acme/domain-events/vitest";
import { z } from "zod";

declare module "@acme/domain-events" {
  interface DefaultBus {
    transaction: Knex.Transaction;
  }
}

class Registered extends defineEvent("registered", props<{ userId: string; email: string }>()) {}
class Verified extends defineEvent("verified", z.object({ userId: z.string(), at: z.coerce.date() })) {}
class Emptied extends defineEvent("emptied") {}

const emptied = new Emptied();
// @ts-expect-error -- it carries nothing.
const carrying = new Emptied({ nothing: 1 });
// @ts-expect-error -- a property is missing.
const incomplete = new Registered({ userId: "1" });
// @ts-expect-error -- a reserved name.
props<{ eventId: string }>();
// @ts-expect-error -- a reserved name in a schema.
defineEvent("clash", z.object({ type: z.string() }));

const event = new Registered({ userId: "1", email: "a" });
const type: "registered" = event.type;
const email: string = event.email;
const at: Date = event.occurredAt;
// @ts-expect-error -- events are frozen.
event.email = "b";
const staticType: "verified" = Verified.type;

function describe(one: Registered | Verified): string {
  return one.type === "registered" ? one.email : one.at.toISOString();
}

register(Registered, ({ userId }) => userId.length);
register(DomainEvent, ({ eventId }, { record }) => record(new Verified({ userId: eventId, at: new Date() })));
register(
  Registered,
  beforeCommit(async ({ userId }, { tx }) => {
    await tx("audit").insert({ user_id: userId });
  }),
);
// @ts-expect-error -- an afterCommit handler has no transaction.
register(Registered, (_event, { tx }) => tx);
// @ts-expect-error -- a handler for another event.
register(Registered, (one: Verified) => one.at);
// @ts-expect-error -- not a class.
register({}, () => {});

const bus = createEventBus<Knex.Transaction>({ handlerErrors: "isolate" });
declare function durable<Event, Input>(
  task: { readonly accepts: (input: Input) => void },
  toPayload: (event: Event) => NoInfer<Input>,
): DurableHandler<Event>;
declare const mail: { readonly accepts: (input: { userId: string }) => void };
bus.register(
  Registered,
  durable(mail, ({ userId }) => ({ userId })),
);
// @ts-expect-error -- the payload does not fit.
durable(mail, ({ userId }: Registered) => ({ user: userId }));
bus.register(
  Registered,
  // @ts-expect-error -- the event has no such property.
  durable(mail, (one) => ({ userId: one.vanished })),
);
bus.lifecycle.on("handler:failed", ({ handler, error }) => [handler.length, error]);
// @ts-expect-error -- no such event.
bus.lifecycle.on("handler:vanished", () => {});

const unitOfWork = createUnitOfWork(knexTransactions(knex({ client: "pg" })), {
  bus,
  onHandlerError: (error: HandlersFailedError) => error.failures.length,
});
export async function use(): Promise<number> {
  const result = await unitOfWork.run(
    async ({ tx, track, savepoint }) => {
      await tx("users").insert({});
      track({ pullEvents: () => [event] });
      // @ts-expect-error -- nothing to pull from.
      track({});
      return savepoint(({ tx: inner }) => inner("users").count());
    },
    { isolation: "serializable", retry: { attempts: 2 } },
  );
  const once = await unitOfWork.runOnce("key", () => 1);
  return once.ran ? once.result : result.length;
}
// @ts-expect-error -- a bus for another transaction.
createUnitOfWork(knexTransactions(knex({ client: "pg" })), { bus: createEventBus<{ other: true }>() });
createUnitOfWork(knexTransactions(knex({ client: "pg" })), { bus: createEventBus() });
// The default bus hands out knex transactions here.
createUnitOfWork(knexTransactions(knex({ client: "pg" })));
declare const ofAnotherDriver: TransactionAdapter<{ query(text: string): Promise<unknown> }>;
// @ts-expect-error -- its handlers would get a transaction of another driver.
createUnitOfWork(ofAnotherDriver);
// @ts-expect-error -- other options do not make it fit.
createUnitOfWork(ofAnotherDriver, { outcomeTimeoutMs: 1_000 });
createUnitOfWork(ofAnotherDriver, { bus: createEventBus<{ query(text: string): Promise<unknown> }>() });
// @ts-expect-error -- not a knex instance.
knexTransactions({});

const verified: Verified[] = recordEvents(bus).of(Verified);
await createMemoryUnitOfWork({ bus: createEventBus() }).run(({ record }) => record(event));
clearHandlersAfterEach(bus);
assertPublished(recordEvents(bus), Registered, { email: "a" });
void busFixture<Knex.Transaction>({ handlerErrors: "isolate" });

export { at, carrying, describe, emptied, incomplete, email, staticType, type, verified };
