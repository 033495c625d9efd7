import { eventTypeOf } from "./event.ts";

/** How many events may lead to each other; enough for recursion over any sensible tree. */
export const longestChain = 100;

/** An event in the queue, and the one whose handler recorded it. */
export interface Link {
  readonly event: object;
  readonly parent: Link | undefined;
  readonly length: number;
}

/** The event types that led here, oldest first. */
export function chainOf(event: object, parent: Link | undefined): string[] {
  const chain = [eventTypeOf(event)];
  for (let link = parent; link; link = link.parent) chain.unshift(eventTypeOf(link.event));
  return chain;
}
