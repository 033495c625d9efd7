import { setTimeout as pause } from "node:timers/promises";

/**
 * Does one thing for many callers, as fast as it can be done: those who come while one call is under way share the next.
 *
 * @param run - Gives a result for each item, in their order.
 * @param restMs - Milliseconds that lie at least between the starts of two calls. The first call of a quiet time is made at once.
 */
export function createBatcher<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  restMs = 0,
): (item: Item) => Promise<Result> {
  let waiting: Item[] = [];
  let next: Promise<readonly Result[]> | undefined;
  let current: Promise<unknown> = Promise.resolve();
  let lastStart = -Infinity;

  const runNext = async () => {
    await current.catch(() => undefined);
    const rest = lastStart + restMs - performance.now();
    if (rest > 0) await pause(Math.ceil(rest));
    lastStart = performance.now();
    const items = waiting;
    waiting = [];
    current = next as Promise<unknown>;
    next = undefined;
    return run(items);
  };

  return async (item) => {
    const index = waiting.push(item) - 1;
    const results = await (next ??= runNext());
    return results[index] as Result;
  };
}
