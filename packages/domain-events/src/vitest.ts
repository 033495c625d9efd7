import { afterEach } from "vitest";
import { defaultBus } from "./bus/default-bus.ts";

clearHandlersAfterEach(defaultBus);

/**
 * Clears the handlers of a bus after each test of the file, so that none leaks into the next test. Importing this
 * module, for example in a vitest setup file, does so for the default bus.
 *
 * @example
 * // vitest.config.ts: test: { setupFiles: ["@acme/domain-events/vitest"] }
 * clearHandlersAfterEach(bus);
 */
export function clearHandlersAfterEach(bus: { clearHandlers(): void }): void {
  afterEach(() => bus.clearHandlers());
}
