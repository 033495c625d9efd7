import type { DurableStore } from "./durable-handler.ts";
import { DomainEventsError, EventLoopError } from "./errors.ts";
import { eventIdOf, eventTypeOf } from "./event.ts";
import type { Dispatcher } from "./event-bus.ts";
import type { BeforeCommitHandler } from "./handler.ts";
import { tell } from "./lifecycle.ts";
import { chainOf, type Link, longestChain } from "./event-chain.ts";
import type { Registration, Registrations } from "./registrations.ts";
import { explainAborted } from "./send-commit.ts";
import type { Unit } from "./unit.ts";

export interface PreparedCommit<in Tx> {
  readonly events: readonly object[];
  readonly registrations: Registrations<Tx>;
  readonly stores: readonly DurableStore[];
  /** Where a store of durable handlers has brought it along. */
  readonly transactionId: string | undefined;
}

/**
 * Everything that happens between the end of the work and COMMIT, inside the transaction: beforeCommit handlers, then one
 * write for each durable store.
 */
export async function prepareCommit<Tx>(unit: Unit<Tx>, bus: Dispatcher<Tx>): Promise<PreparedCommit<Tx>> {
  const registrations = bus.registrations();
  const events = await runBeforeCommitHandlers(unit, bus, registrations);
  if (events.length === 0) return { events, registrations, stores: [], transactionId: undefined };
  try {
    const { stores, transactionId } = await writeDurable(unit, registrations, events);
    return { events, registrations, stores, transactionId };
  } catch (error) {
    throw explainAborted(error);
  }
}

async function runBeforeCommitHandlers<Tx>(
  unit: Unit<Tx>,
  bus: Dispatcher<Tx>,
  registrations: Registrations<Tx>,
): Promise<object[]> {
  const queue: Link[] = [];
  collect(unit, queue, undefined);
  for (const link of queue) {
    for (const registration of registrations.of(link.event).beforeCommit) {
      await runOne(unit, bus, link, registration);
    }
    collect(unit, queue, link);
  }
  return queue.map((link) => link.event);
}

/** Whatever was recorded while the handlers of one event ran follows from that event. */
function collect<Tx>(unit: Unit<Tx>, queue: Link[], parent: Link | undefined): void {
  unit.root.refuseWhileChildOpen("The work ended");
  if (unit.root.doom) throw unitDoomed(unit.root.doom.cause);
  const length = parent ? parent.length + 1 : 1;
  for (const event of unit.root.take()) {
    if (length > longestChain + 1) throw new EventLoopError(chainOf(event, parent));
    queue.push({ event, parent, length });
  }
}

async function runOne<Tx>(
  unit: Unit<Tx>,
  { settings: { lifecycle, logger } }: Dispatcher<Tx>,
  { event }: Link,
  { name, handler }: Registration<BeforeCommitHandler<object, Tx>>,
): Promise<void> {
  const startedAt = performance.now();
  try {
    const { tx, record } = unit.contextOf(unit.root);
    await handler.handle(event, { tx, record });
  } catch (error) {
    // The error goes to the caller of run(), who decides how bad it is; only the handler's name would be lost.
    const fields = { eventType: eventTypeOf(event), eventId: eventIdOf(event), handler: name, err: error };
    logger.warn(fields, "A beforeCommit handler failed; the unit of work rolls back");
    const durationMs = performance.now() - startedAt;
    tell(lifecycle, logger, "handler:failed", { event, handler: name, durationMs, error });
    throw error;
  }
  if (lifecycle.listenerCount("handler:succeeded") === 0) return;
  const durationMs = performance.now() - startedAt;
  tell(lifecycle, logger, "handler:succeeded", { event, handler: name, durationMs });
}

/** One write for each store, with the requests of all events in order. */
async function writeDurable<Tx>(
  { transaction }: Unit<Tx>,
  registrations: Registrations<Tx>,
  events: readonly object[],
): Promise<{ stores: DurableStore[]; transactionId: string | undefined }> {
  const requests = new Map<DurableStore, unknown[]>();
  for (const event of events) {
    for (const { handler } of registrations.of(event).durable) {
      const request = handler.toRequest(event);
      const others = requests.get(handler.store);
      if (others) others.push(request);
      else requests.set(handler.store, [request]);
    }
  }

  const { tx } = transaction;
  const query = (text: string, values: readonly unknown[]): ReturnType<typeof transaction.query> =>
    transaction.query(text, values);
  let transactionId: string | undefined;
  for (const [store, ofStore] of requests) {
    const id = await store.write(ofStore, { tx, query });
    transactionId ??= id;
  }
  return { stores: [...requests.keys()], transactionId };
}

function unitDoomed(cause: unknown): DomainEventsError {
  return new DomainEventsError(
    "UNIT_DOOMED",
    "A run() that had joined this unit of work failed and its error was swallowed, so the whole unit was rolled back. " +
      "Let the error through, or wrap the part that may fail in savepoint().",
    { cause },
  );
}
