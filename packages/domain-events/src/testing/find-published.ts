import { classNameOf } from "../bus/registrations.ts";
import { DomainEventsError } from "../errors.ts";
import { type ClassOf, eventTypeOf } from "../event/event.ts";
import { matchesPartial, pickAsked, show } from "@acme/shared/matches-partial";
import type { EventPartial } from "./event-partial.ts";

/** Where to look for events: a recorder, or a list of events. */
export type PublishedEvents = { readonly events: readonly object[] } | readonly object[];

/** A class of events, or such a class and some properties of one of its events. */
export type ExpectedEvent<Event extends object> =
  ClassOf<Event> | readonly [ClassOf<Event>, EventPartial<NoInfer<Event>>];

/** What a matcher returns to its test runner. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

interface Wanted {
  readonly eventClass: ClassOf<object>;
  readonly partial: object | undefined;
}

/** The first event of the class that has what is asked for, and what to say about it. */
export function findPublished<Event extends object>(
  published: PublishedEvents,
  eventClass: ClassOf<Event>,
  partial?: EventPartial<Event>,
): MatcherResult & { readonly found: Event | undefined } {
  const events = eventsOf(published);
  const wanted = checkWanted({ eventClass, partial });
  const found = events.find((event) => fits(event, wanted)) as Event | undefined;
  const pass = found !== undefined;
  return {
    pass,
    found,
    message: () =>
      `Expected ${nameOf(wanted)} ${pass ? "not " : ""}to be published. ${describePublished(events, [wanted])}`,
  };
}

/** Whether the events were published in this order. Others may have been published before, after and between. */
export function findInOrder(published: PublishedEvents, expected: readonly ExpectedEvent<object>[]): MatcherResult {
  const events = eventsOf(published);
  const wanted = checkList(expected).map((one) =>
    checkWanted(Array.isArray(one) ? { eventClass: one[0], partial: one[1] } : { eventClass: one, partial: undefined }),
  );
  let foundCount = 0;
  for (const event of events) {
    const next = wanted[foundCount];
    if (next && fits(event, next)) foundCount += 1;
  }
  const missing = wanted[foundCount];
  const names = wanted.map(nameOf).join(", then ");
  const which = missing && `Number ${foundCount + 1} of them, ${nameOf(missing)}, is missing there. `;
  return {
    pass: missing === undefined,
    message: () =>
      `Expected ${missing ? "" : "not "}to be published in order: ${names}. ${which ?? ""}${describePublished(events, wanted)}`,
  };
}

function fits(event: object, { eventClass, partial }: Wanted): boolean {
  return event instanceof eventClass && matchesPartial(event, partial ?? {});
}

function nameOf({ eventClass, partial }: Wanted): string {
  return partial ? `${classNameOf(eventClass)} ${show(partial)}` : classNameOf(eventClass);
}

const mostLines = 30;

/**
 * Of an event that was looked for, only the properties that were asked for are shown: the failure is about these, and
 * the others may be large, or be personal data that ends in the log of a build.
 */
function describePublished(events: readonly object[], wanted: readonly Wanted[]): string {
  if (events.length === 0) return "Nothing was published.";
  const lines = events.slice(0, mostLines).map((event, index) => {
    const asked = wanted.filter(({ eventClass, partial }) => partial && event instanceof eventClass);
    const shown = [...new Set(asked.map(({ partial }) => ` ${show(pickAsked(event, partial))}`))];
    return `  ${index + 1}. ${eventTypeOf(event)}${shown.join("")}`;
  });
  const more = events.length - lines.length;
  return ["Published, in order:", ...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].join("\n");
}

function eventsOf(published: unknown): readonly object[] {
  if (Array.isArray(published)) return published as object[];
  if (typeof published === "object" && published !== null && "events" in published && Array.isArray(published.events)) {
    return published.events as object[];
  }
  throw new DomainEventsError(
    "OPTIONS_INVALID",
    "This looks for events in a recorder, or in a list of events: expect(recordEvents(bus)).toHavePublished(OrderPlaced). It was given something else.",
  );
}

function checkWanted(wanted: Wanted): Wanted {
  const { eventClass, partial } = wanted as { eventClass: unknown; partial: unknown };
  if (typeof eventClass !== "function" || typeof eventClass.prototype !== "object") {
    throw new DomainEventsError(
      "EVENT_CLASS_INVALID",
      "An expectation takes the class of an event, such as OrderPlaced. If it is undefined, two modules import each other in a circle.",
    );
  }
  if (partial === undefined || (typeof partial === "object" && partial !== null)) return wanted;
  throw new DomainEventsError("OPTIONS_INVALID", "An expectation takes the properties of an event as { … }.");
}

function checkList(expected: readonly ExpectedEvent<object>[]): readonly ExpectedEvent<object>[] {
  if (Array.isArray(expected) && expected.length > 0) return expected as readonly ExpectedEvent<object>[];
  throw new DomainEventsError(
    "OPTIONS_INVALID",
    "An expected order is a list of event classes, such as [OrderPlaced, OrderPaid]. An empty list would be true of anything.",
  );
}
