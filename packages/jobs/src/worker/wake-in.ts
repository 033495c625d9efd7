/** For delays up to this, a timer wakes the worker at the due time. For longer ones, the poll is exact enough. */
const longestWakeMs = 60_000;

export function wakeIn(delayMs: number, wake: () => void): void {
  if (delayMs <= longestWakeMs) setTimeout(wake, Math.ceil(delayMs) + 1).unref();
}
