import { AssertionError } from "node:assert";
import type { ClassOf } from "../event/event.ts";
import {
  type ExpectedEvent,
  findInOrder,
  findPublished,
  type MatcherResult,
  type PublishedEvents,
} from "./find-published.ts";
import type { EventPartial } from "./event-partial.ts";

/**
 * Asserts that an event of the class was published, with these properties if some are given.
 *
 * It needs no test runner, so it serves under `node:test`, too. The message of a failure lists the types of the events
 * that were published instead, and of their properties only those that were asked for.
 *
 * @param published what {@link recordEvents} returned, or a list of events.
 * @returns the first event that fits.
 * @throws `AssertionError` of `node:assert`; `EVENT_CLASS_INVALID`, `OPTIONS_INVALID`.
 *
 * @example
 * using recorder = recordEvents(bus);
 * await registerUser(unitOfWork, "ada@example.org");
 * const { userId } = assertPublished(recorder, UserRegistered, { email: "ada@example.org" });
 */
export function assertPublished<Event extends object>(
  published: PublishedEvents,
  eventClass: ClassOf<Event>,
  partial?: EventPartial<NoInfer<Event>>,
): Event {
  const result = findPublished<Event>(published, eventClass, partial);
  if (result.found === undefined) throw failure(result, assertPublished);
  return result.found;
}

/**
 * Asserts that no event of the class was published, or none with these properties.
 *
 * @throws `AssertionError` of `node:assert`; `EVENT_CLASS_INVALID`, `OPTIONS_INVALID`.
 *
 * @example
 * using recorder = recordEvents(bus);
 * await bus.publish(new CartEmptied());
 * assertNotPublished(recorder, UserRegistered);
 */
export function assertNotPublished<Event extends object>(
  published: PublishedEvents,
  eventClass: ClassOf<Event>,
  partial?: EventPartial<NoInfer<Event>>,
): void {
  const result = findPublished<Event>(published, eventClass, partial);
  if (result.pass) throw failure(result, assertNotPublished);
}

/**
 * Asserts that events were published in this order. Others may have been published before, after and between, so a test
 * does not fail because of an event that it is not about.
 *
 * @param expected classes of events, or pairs of a class and some properties. At least one.
 * @throws `AssertionError` of `node:assert`; `EVENT_CLASS_INVALID`, `OPTIONS_INVALID`.
 *
 * @example
 * using recorder = recordEvents(bus);
 * await registerUser(unitOfWork, "ada@example.org");
 * assertPublishedInOrder(recorder, [[UserRegistered, { email: "ada@example.org" }], UserRenamed]);
 */
// Each element has an event of its own, so the list has to be inferred as a tuple.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function assertPublishedInOrder<Events extends readonly object[]>(
  published: PublishedEvents,
  expected: ExpectedEvents<Events>,
): void {
  const result = findInOrder(published, expected);
  if (!result.pass) throw failure(result, assertPublishedInOrder);
}

/** One {@link ExpectedEvent} for each event of the list. */
export type ExpectedEvents<Events extends readonly object[]> = readonly [
  ...{ [Index in keyof Events]: ExpectedEvent<Events[Index]> },
];

function failure({ message }: MatcherResult, stackStartFn: (...args: never[]) => unknown): AssertionError {
  return new AssertionError({ message: message(), stackStartFn });
}
