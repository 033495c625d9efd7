import type { EventSource } from "./aggregate-root.ts";
import { eventIdOf } from "./event.ts";

/**
 * Takes the events out of the aggregates, in the order in which they were recorded: ids grow within the process, so the
 * lists are merged by them, and each aggregate keeps its own order.
 */
export function pullInOrder(aggregates: ReadonlySet<EventSource>): object[] {
  if (aggregates.size === 0) return [];
  const lists = [...aggregates].map((aggregate) => [...aggregate.pullEvents()]).filter((list) => list.length > 0);
  const merged: object[] = [];
  let list = earliest(lists);
  while (list) {
    const event = list.shift();
    if (event) merged.push(event);
    list = earliest(lists);
  }
  return merged;
}

/** The list whose first event was recorded first. One without an id cannot be compared and goes at once. */
function earliest(lists: readonly object[][]): object[] | undefined {
  let found: object[] | undefined;
  let foundId = "";
  for (const list of lists) {
    const [head] = list;
    if (!head) continue;
    const id = eventIdOf(head) ?? "";
    if (!found || id < foundId) {
      found = list;
      foundId = id;
    }
  }
  return found;
}
