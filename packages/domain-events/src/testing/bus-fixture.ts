import { createEventBus, type EventBus, type EventBusOptions } from "../bus/event-bus.ts";
import { type EventRecorder, recordEvents } from "./record-events.ts";

/**
 * What {@link busFixture} returns, in the shape that `test.extend` takes.
 *
 * @throws what the test throws, from both of them.
 */
export interface BusFixture<Tx> {
  /** A bus that only this test has. */
  bus(context: object, use: (bus: EventBus<Tx>) => Promise<void>): Promise<void>;
  /** What that bus has published in this test. */
  events(context: { bus: EventBus<Tx> }, use: (recorder: EventRecorder) => Promise<void>): Promise<void>;
}

/**
 * Gives each test a bus of its own as `bus`, and a recorder of what that publishes as `events`. No handler and no event
 * of one test is there in another, also if they run beside each other (`it.concurrent`).
 *
 * `Tx` is the transaction of beforeCommit handlers, as for {@link createEventBus}.
 *
 * @throws `OPTIONS_INVALID` from the test that asks for the bus.
 *
 * @example
 * const test = it.extend(busFixture<Knex.Transaction>());
 *
 * test("announces a new user", async ({ bus, events }) => {
 *   await registerUser(createMemoryUnitOfWork<Knex.Transaction>({ bus }), "ada@example.org");
 *   expect(events).toHavePublished(UserRegistered);
 * });
 */
export function busFixture<Tx = unknown>(options?: EventBusOptions): BusFixture<Tx> {
  return {
    // oxlint-disable-next-line no-empty-pattern -- vitest reads from the braces which other fixtures one needs.
    async bus({}, use) {
      await use(createEventBus<Tx>(options));
    },
    async events({ bus }, use) {
      using recorder = recordEvents(bus);
      await use(recorder);
    },
  };
}
