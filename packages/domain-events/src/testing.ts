export {
  assertNotPublished,
  assertPublished,
  assertPublishedInOrder,
  type ExpectedEvents,
} from "./testing/assert-published.ts";
export { type EventMatchers, eventMatchers } from "./testing/event-matchers.ts";
export type { ExpectedEvent, MatcherResult, PublishedEvents } from "./testing/find-published.ts";
export type { EventPartial } from "./testing/event-partial.ts";
export { createMemoryUnitOfWork, type MemoryUnitOfWorkOptions } from "./testing/memory-unit-of-work.ts";
export { type EventRecorder, recordEvents } from "./testing/record-events.ts";
export { beginTestTransaction, type TestTransaction } from "./testing/test-transaction.ts";
