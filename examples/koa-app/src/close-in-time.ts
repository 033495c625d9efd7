import { setTimeout as delay } from "node:timers/promises";

/** Waits for something to close, but not for ever: a pool waits for every connection that is in use. Returns whether it has. */
export async function closesInTime(closing: Promise<unknown>, { withinMs }: { withinMs: number }): Promise<boolean> {
  const closed = closing.then(() => true);
  // Unreferenced: it must not hold up a process that has closed everything.
  return await Promise.race([closed, delay(withinMs, false, { ref: false })]);
}
