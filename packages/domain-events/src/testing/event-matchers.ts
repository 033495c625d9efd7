import type { ClassOf } from "../event/event.ts";
import type { ExpectedEvents } from "./assert-published.ts";
import {
  type ExpectedEvent,
  findInOrder,
  findPublished,
  type MatcherResult,
  type PublishedEvents,
} from "./find-published.ts";
import type { EventPartial } from "./event-partial.ts";

/**
 * The types of {@link eventMatchers}. `@acme/domain-events/vitest` adds them to those of vitest; for Jest, extend its
 * `Matchers` by them.
 *
 * @example
 * expect(recordEvents(bus)).not.toHavePublished(CartEmptied);
 */
export interface EventMatchers<Result = void> {
  /**
   * Passes if an event of the class was published, with these properties if some are given. The subject is what
   * {@link recordEvents} returned, or a list of events.
   *
   * @throws `EVENT_CLASS_INVALID`, `OPTIONS_INVALID`, also after `not`.
   */
  toHavePublished<Event extends object>(eventClass: ClassOf<Event>, partial?: EventPartial<NoInfer<Event>>): Result;
  /**
   * Passes if events were published in this order. Others may have been published before, after and between.
   *
   * @param expected classes of events, or pairs of a class and some properties. At least one.
   * @throws `EVENT_CLASS_INVALID`, `OPTIONS_INVALID`, also after `not`.
   */
  // Each element has an event of its own, so the list has to be inferred as a tuple.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  toHavePublishedInOrder<Events extends readonly object[]>(expected: ExpectedEvents<Events>): Result;
}

/**
 * Matchers for vitest and Jest: `toHavePublished` and `toHavePublishedInOrder`. Importing `@acme/domain-events/vitest`
 * registers them in vitest; in Jest, extend `expect` by them in a setup file.
 *
 * The message of a failure lists the types of the events that were published, and of their properties only those that
 * were asked for.
 *
 * @example
 * expect.extend(eventMatchers);
 *
 * using recorder = recordEvents(bus);
 * await registerUser(unitOfWork, "ada@example.org");
 * expect(recorder).toHavePublished(UserRegistered, { email: "ada@example.org" });
 * expect(recorder).not.toHavePublished(CartEmptied);
 */
export const eventMatchers: {
  toHavePublished(received: PublishedEvents, eventClass: ClassOf<object>, partial?: object): MatcherResult;
  toHavePublishedInOrder(received: PublishedEvents, expected: readonly ExpectedEvent<object>[]): MatcherResult;
} = {
  toHavePublished(received, eventClass, partial) {
    const { pass, message } = findPublished(received, eventClass, partial);
    return { pass, message };
  },
  toHavePublishedInOrder: (received, expected) => findInOrder(received, expected),
};
