import { expect } from "vitest";

/** Waits for a condition as long as a busy machine may take, whatever the configuration of the reader says. */
export function eventually<Value>(read: () => Value): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(read, { timeout: 20_000, interval: 10 });
}
