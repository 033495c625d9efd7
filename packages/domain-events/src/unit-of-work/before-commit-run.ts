import { asCause } from "@acme/shared/causation";
import { assertEvent } from "../event/assert-event.ts";
import { eventIdOf, eventTypeOf } from "../event/event.ts";
import { tellEvent } from "../bus/tell-event.ts";
import type { Dispatcher } from "../bus/event-bus.ts";
import type { BeforeCommitHandler } from "../bus/handler.ts";
import { tell } from "../bus/lifecycle.ts";
import { CircleGuard, type Link } from "../bus/event-chain.ts";
import type { PublishSettings } from "../bus/publish-settings.ts";
import type { Registration, Registrations } from "../bus/registrations.ts";
import type { Unit } from "./unit.ts";

/** Runs the beforeCommit handlers of a unit's events, and of the events that these handlers record. */
export class BeforeCommitRun<Tx> {
  readonly registrations: Registrations<Tx>;
  readonly #unit: Unit;
  readonly #tx: Tx;
  readonly #settings: PublishSettings;
  readonly #queue: Link[] = [];
  readonly #circles = new CircleGuard();

  constructor(unit: Unit, tx: Tx, bus: Dispatcher<Tx>) {
    this.registrations = bus.registrations();
    this.#unit = unit;
    this.#tx = tx;
    this.#settings = bus.settings;
  }

  /** @returns all events of the unit, which takes no more events from then on. */
  async run(): Promise<readonly object[]> {
    if (this.#unit.txs.hasBuffers) await this.#sendBuffered();
    this.#collect();
    for (const link of this.#queue) {
      const { beforeCommit } = this.registrations.of(link.event);
      for (const registration of beforeCommit) await this.#call(registration, link.event);
      // Asking each source after each event would take longer than everything else here.
      if (beforeCommit.length === 0) continue;
      if (this.#unit.txs.hasBuffers) await this.#sendBuffered();
      this.#collect(link);
    }
    // Set in the same turn as the last collection. Otherwise rows could be stored without their event, or the reverse.
    this.#unit.state = "committing";
    return this.#queue.map((link) => link.event);
  }

  /** Hooks of a data layer may record events while it sends. */
  async #sendBuffered(): Promise<void> {
    this.#unit.refuseUnfinished();
    await this.#unit.txs.sendBuffered();
  }

  /** Events that were recorded while the handlers of one event ran count as following from that event. */
  #collect(parent?: Link): void {
    this.#unit.refuseUnfinished();
    const length = parent ? parent.length + 1 : 1;
    for (const event of this.#unit.root.events.take()) {
      // Aggregates may hand over values that are no events.
      assertEvent(event);
      if (parent) this.#circles.follow(event, parent);
      this.#queue.push({ event, parent, length });
    }
  }

  async #call({ name, handler }: Registration<BeforeCommitHandler<object, Tx>>, event: object): Promise<void> {
    const { lifecycle, logger } = this.#settings;
    const { root } = this.#unit;
    const startedAt = performance.now();
    try {
      const context = { tx: this.#tx, record: (recorded: object) => (tellEvent(recorded), root.record(recorded)) };
      await asCause({ kind: "handler", name }, () => handler.handle(event, context));
    } catch (error) {
      // run() rejects with the error, and its caller decides how severe it is. It is logged for the name of the
      // handler.
      const fields = { eventType: eventTypeOf(event), eventId: eventIdOf(event), handler: name, err: error };
      logger.warn(fields, "A beforeCommit handler failed; the unit of work rolls back");
      const durationMs = performance.now() - startedAt;
      tell(this.#settings, "handler:failed", { event, handler: name, durationMs, error });
      throw error;
    }
    if (lifecycle.listenerCount("handler:succeeded") === 0) return;
    const durationMs = performance.now() - startedAt;
    tell(this.#settings, "handler:succeeded", { event, handler: name, durationMs });
  }
}
