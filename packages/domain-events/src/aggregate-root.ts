/** What a unit of work can track: anything that hands over the events it has recorded. */
export interface EventSource {
  /** Returns the events recorded since the last call, oldest first, and forgets them. */
  pullEvents(): Iterable<object>;
}

/**
 * An optional base for aggregates that record events.
 *
 * @example
 * class User extends AggregateRoot {
 *   readonly id = crypto.randomUUID();
 *   name = "";
 *   rename(name: string) {
 *     this.name = name;
 *     this.record(new UserRenamed({ userId: this.id }));
 *   }
 * }
 */
export abstract class AggregateRoot<Event extends object = object> implements EventSource {
  #recorded: Event[] = [];

  protected record(event: Event): void {
    this.#recorded.push(event);
  }

  pullEvents(): Event[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }
}
