import { setTimeout as pause } from "node:timers/promises";

/**
 * Collects items of many callers into batches: the items that arrive while one call of `run` is under way share the next call.
 *
 * @param run - Returns a result for each item, in the same order.
 * @param restMs - The least time between the starts of two calls, in milliseconds. After a longer pause, a call is made at once.
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
