import { EventLoopError } from "../errors.ts";
import { eventTypeOf } from "../event/event.ts";

/** How many events may lead to each other; enough for recursion over any sensible tree. */
const longestChain = 100;

/**
 * How many events may lead back to their own class below one event. A circle that branches would be found by the length of
 * its chains only after 2^100 events; so many fit into some ten megabytes. Nothing else is bounded: what one handler
 * records in a loop does not count, however much it is, nor does what leads to ever other classes.
 */
const mostLeadingBack = 50_000;

/** An event in the queue, and the one whose handler recorded it. */
export interface Link {
  readonly event: object;
  readonly parent: Link | undefined;
  readonly length: number;
}

/** Finds circles among the events of one run: one of these for each run. */
export class CircleGuard {
  /** By the event in which the circle begins. */
  readonly #leadingBack = new Map<Link, number>();

  /**
   * Takes note of an event that a handler of `parent` has recorded.
   *
   * @throws {@link EventLoopError} when the chain is too long, or has too many others beside it.
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

/** The oldest event of the chain that another one of its class has followed. */
function startOfCircle(event: object, parent: Link): Link | undefined {
  let start = firstOfClass(event, parent);
  for (let link = parent; start && link.parent; link = link.parent) {
    const first = firstOfClass(link.event, link.parent);
    if (first && first.length < start.length) start = first;
  }
  return start;
}

/** The oldest event of that event's class in the chain. */
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
