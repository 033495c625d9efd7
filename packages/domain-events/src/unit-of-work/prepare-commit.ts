import { assertEvent } from "../event/assert-event.ts";
import type { CommitProof } from "../commit/commit-proof.ts";
import type { CommitEvidence } from "../commit/confirm-commit.ts";
import type { DurableStore } from "../bus/durable-handler.ts";
import { eventIdOf, eventTypeOf } from "../event/event.ts";
import type { Dispatcher } from "../bus/event-bus.ts";
import type { BeforeCommitHandler } from "../bus/handler.ts";
import { isThenable } from "../is-thenable.ts";
import { DomainEventsError } from "../errors.ts";
import { tell } from "../bus/lifecycle.ts";
import { CircleGuard, type Link } from "../bus/event-chain.ts";
import type { Registration, Registrations } from "../bus/registrations.ts";
import { acceptProof, type Committing, explainFailure, proofSqlFor } from "../commit/send-commit.ts";
import type { Unit } from "./unit.ts";

export interface PreparedCommit<in Tx> extends CommitEvidence {
  readonly registrations: Registrations<Tx>;
  readonly stores: readonly DurableStore[];
}

/**
 * Everything that happens between the end of the work and COMMIT, inside the transaction: beforeCommit handlers, then one
 * write for each durable store.
 */
export async function prepareCommit<Tx>(
  unit: Unit,
  tx: Tx,
  bus: Dispatcher<Tx>,
  committing: Committing,
): Promise<PreparedCommit<Tx>> {
  const registrations = bus.registrations();
  const events = await runBeforeCommitHandlers(unit, tx, bus, registrations);
  if (events.length === 0) return { events, registrations, stores: [], proof: undefined, witnesses: [] };
  try {
    return { events, registrations, ...(await writeDurable(tx, registrations, events, committing)) };
  } catch (error) {
    throw explainFailure(committing, error);
  }
}

async function runBeforeCommitHandlers<Tx>(
  unit: Unit,
  tx: Tx,
  bus: Dispatcher<Tx>,
  registrations: Registrations<Tx>,
): Promise<object[]> {
  const queue: Link[] = [];
  const circles = new CircleGuard();
  collect(unit, queue, undefined, circles);
  for (const link of queue) {
    const { beforeCommit } = registrations.of(link.event);
    for (const registration of beforeCommit) await runOne(unit, tx, bus, link, registration);
    // To ask each source after each event would take longer than all else.
    if (beforeCommit.length > 0) collect(unit, queue, link, circles);
  }
  // In the same turn as the last look: what comes from here on would be stored without its event, or the other way round.
  unit.state = "committing";
  return queue.map((link) => link.event);
}

/** Whatever was recorded while the handlers of one event ran follows from that event. */
function collect(unit: Unit, queue: Link[], parent: Link | undefined, circles: CircleGuard): void {
  unit.refuseUnfinished();
  const length = parent ? parent.length + 1 : 1;
  for (const event of unit.root.take()) {
    // Aggregates hand over whatever they have recorded.
    assertEvent(event);
    if (parent) circles.follow(event, parent);
    queue.push({ event, parent, length });
  }
}

async function runOne<Tx>(
  unit: Unit,
  tx: Tx,
  { settings: { lifecycle, logger } }: Dispatcher<Tx>,
  { event }: Link,
  { name, handler }: Registration<BeforeCommitHandler<object, Tx>>,
): Promise<void> {
  const startedAt = performance.now();
  try {
    const { record } = unit.contextOf(unit.root, tx);
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
  tx: Tx,
  registrations: Registrations<Tx>,
  events: readonly object[],
  committing: Committing,
): Promise<Pick<PreparedCommit<Tx>, "stores" | "proof" | "witnesses">> {
  const { transaction } = committing;
  const query = async (text: string, values: readonly unknown[]): ReturnType<typeof transaction.query> => {
    try {
      return await transaction.query(text, values);
    } catch (error) {
      committing.owned.failed(error);
      throw error;
    }
  };
  let proof: CommitProof | undefined;
  const witnesses = [];
  const requests = requestsByStore(registrations, events);
  for (const [store, ofStore] of requests) {
    const receipt = await store.write(ofStore, { tx, query, proofSql: proofSqlFor(committing, { assignId: true }) });
    if (receipt?.proof !== undefined) proof = acceptProof(committing, receipt.proof);
    if (receipt?.witness) witnesses.push(receipt.witness);
  }
  return { stores: [...requests.keys()], proof, witnesses };
}

function requestsByStore<Tx>(
  registrations: Registrations<Tx>,
  events: readonly object[],
): ReadonlyMap<DurableStore, readonly unknown[]> {
  const requests = new Map<DurableStore, unknown[]>();
  for (const event of events) {
    for (const { name, handler } of registrations.of(event).durable) {
      const request = handler.toRequest(event);
      if (isThenable(request)) throw requestPending(name, request);
      const others = requests.get(handler.store);
      if (others) others.push(request);
      else requests.set(handler.store, [request]);
    }
  }
  return requests;
}

function requestPending(handler: string, request: PromiseLike<unknown>): DomainEventsError {
  // Its rejection is not ours to report: the request is refused either way.
  request.then(undefined, () => {});
  return new DomainEventsError(
    "HANDLER_INVALID",
    `toRequest() of the durable handler "${handler}" answered with a promise. It is synchronous: what takes time belongs into write().`,
  );
}
