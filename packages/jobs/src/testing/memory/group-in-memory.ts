import type { DeadLetterGroup, DeadLetterGroups } from "../../dead-letters/dead-letter.ts";
import { longestMessage, withoutIds } from "../../dead-letters/letter-groups.ts";
import type { MemoryLetter } from "./memory-letter.ts";

/** @param letters - The latest first. */
export function groupInMemory(letters: readonly MemoryLetter[]): DeadLetterGroups {
  const groups = new Map<string, DeadLetterGroup>();
  for (const { task, reason, errors, diedAt } of letters) {
    const text = withoutIds(reason.slice(0, longestMessage));
    const key = JSON.stringify([task, text]);
    const [other, died] = [groups.get(key), new Date(diedAt / 1_000)];
    // The name comes from the latest of the group.
    const name = errors.at(-1)?.name;
    const error = other?.error ?? (name ? `${name}: ${text}` : text);
    const count = (other?.count ?? 0) + 1;
    groups.set(key, { task, error, count, firstDiedAt: died, lastDiedAt: other?.lastDiedAt ?? died });
  }
  return { groups: [...groups.values()].toSorted((a, b) => b.count - a.count), isCapped: false };
}
