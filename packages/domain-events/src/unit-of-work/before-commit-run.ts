import { assertEvent } from "../event/assert-event.ts";
import { eventIdOf, eventTypeOf } from "../event/event.ts";
import type { Dispatcher } from "../bus/event-bus.ts";
import type { BeforeCommitHandler } from "../bus/handler.ts";
import { tell } from "../bus/lifecycle.ts";
import { CircleGuard, type Link } from "../bus/event-chain.ts";
import type { PublishSettings } from "../bus/publish-settings.ts";
import type { Registration, Registrations } from "../bus/registrations.ts";
import type { Unit } from "./unit.ts";

/** The beforeCommit handlers of a unit's events, and of what these handlers record. */
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

  /** @returns all events of the unit. From then on it takes no more. */
  async run(): Promise<readonly object[]> {
    this.#collect();
    for (const link of this.#queue) {
      const { beforeCommit } = this.registrations.of(link.event);
      for (const registration of beforeCommit) await this.#call(registration, link.event);
      // To ask each source after each event would take longer than all else.
      if (beforeCommit.length > 0) this.#collect(link);
    }
    // In the same turn as the last look: what comes from here on would be stored without its event, or the other way round.
    this.#unit.state = "committing";
    return this.#queue.map((link) => link.event);
  }

  /** Whatever was recorded while the handlers of one event ran follows from that event. */
  #collect(parent?: Link): void {
    this.#unit.refuseUnfinished();
    const length = parent ? parent.length + 1 : 1;
    for (const event of this.#unit.root.events.take()) {
      // Aggregates hand over whatever they have recorded.
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
      await handler.handle(event, { tx: this.#tx, record: (recorded) => root.record(recorded) });
    } catch (error) {
      // The error goes to the caller of run(), who decides how bad it is; only the handler's name would be lost.
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
