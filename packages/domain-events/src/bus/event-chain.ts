import { EventLoopError } from "../errors.ts";
import { eventTypeOf } from "../event/event.ts";

/** The longest chain of events that lead to each other. It is enough for recursion over any sensible tree. */
const longestChain = 100;

/**
 * How many events may lead back to their own class below one event. The length of the chains would reveal a branching
 * circle only after 2^100 events; 50,000 events take some ten megabytes. Nothing else is limited: the events that one
 * handler records in a loop do not count, and neither do events that lead to further classes only.
 */
const mostLeadingBack = 50_000;

/** An event in the queue, and the one whose handler recorded it. */
export interface Link {
  readonly event: object;
  readonly parent: Link | undefined;
  readonly length: number;
}

/** Finds circles among the events of one publish or one unit. Each has a guard of its own. */
export class CircleGuard {
  /** The counts, by the event at which the circle begins. */
  readonly #leadingBack = new Map<Link, number>();

  /**
   * Counts an event that a handler of `parent` has recorded.
   *
   * @throws {@link EventLoopError} if the chain is too long, or if too many events lead back to their own class.
   */
  follow(event: object, parent: Link): void {
    if (parent.length > longestChain) throw new EventLoopError(chainOf(event, parent));
    const start = startOfCircle(event, parent);
    if (!start || start === parent) return;
    const count = (this.#leadingBack.get(start) ?? 0) + 1;
    if (count > mostLeadingBack) throw new EventLoopError(chainOf(event, parent), mostLeadingBack);
    this.#leadingBack.set(start, count);
  }
}

/** The oldest event in the chain that was followed by another event of its class. */
function startOfCircle(event: object, parent: Link): Link | undefined {
  let start = firstOfClass(event, parent);
  for (let link = parent; start && link.parent; link = link.parent) {
    const first = firstOfClass(link.event, link.parent);
    if (first && first.length < start.length) start = first;
  }
  return start;
}

/** The oldest event in the chain that has the same class as that event. */
function firstOfClass(event: object, parent: Link): Link | undefined {
  const eventClass: unknown = Object.getPrototypeOf(event);
  let first: Link | undefined;
  for (let link: Link | undefined = parent; link; link = link.parent) {
    if (Object.getPrototypeOf(link.event) === eventClass) first = link;
  }
  return first;
}

/** The event types that led here, oldest first. */
function chainOf(event: object, parent: Link | undefined): string[] {
  const chain = [eventTypeOf(event)];
  for (let link = parent; link; link = link.parent) chain.unshift(eventTypeOf(link.event));
  return chain;
}
