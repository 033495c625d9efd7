import { afterEach, expect } from "vitest";
import { defaultBus } from "./bus/default-bus.ts";
import { type EventMatchers, eventMatchers } from "./testing/event-matchers.ts";

export { busFixture, type BusFixture } from "./testing/bus-fixture.ts";

declare global {
  // Vitest takes over what is here. Its own interfaces have other type parameters in each major version, and an
  // interface can be extended only by one with the same parameters.
  namespace Chai {
    // oxlint-disable-next-line typescript/no-empty-object-type, typescript/no-empty-interface -- it only extends.
    interface Assertion extends EventMatchers {}
  }
}

expect.extend(eventMatchers);
clearHandlersAfterEach(defaultBus);

/**
 * Clears the handlers of a bus after each test of the file, so that none leaks into the next test. Importing this
 * module, for example in a vitest setup file, does so for the default bus.
 *
 * @throws Nothing.
 *
 * @example
 * // vitest.config.ts: test: { setupFiles: ["@acme/domain-events/vitest"] }
 * clearHandlersAfterEach(bus);
 */
export function clearHandlersAfterEach(bus: { clearHandlers(): void }): void {
  afterEach(() => bus.clearHandlers());
}
