/** Delays up to this long wake the worker at the due time; for longer ones the poll is exact enough. */
const longestWakeMs = 60_000;

export function wakeIn(delayMs: number, wake: () => void): void {
  if (delayMs <= longestWakeMs) setTimeout(wake, Math.ceil(delayMs) + 1).unref();
}
