import { checkLimit, checkText } from "../../check-values.ts";
import type { DeadLetters } from "../../dead-letters.ts";
import type { DeadLetterFilter } from "../../dead-letters/dead-letter.ts";
import { letterMissing, letterOfOtherTask, letterSuperseded } from "../../dead-letters/letter-errors.ts";
import { checkAge, checkChange, checkLetterFilter, readCursor } from "../../dead-letters/letter-filter.ts";
import { toStoredPayload } from "../../task/payload.ts";
import type { Task } from "../../task/task.ts";
import { changeInMemory } from "./change-in-memory.ts";
import { groupInMemory } from "./group-in-memory.ts";
import { fitsFilter, toDeadLetter, type MemoryLetter } from "./memory-letter.ts";
import type { LetterStore } from "./letter-store.ts";

const countedTo = 10_000;

interface LettersParts {
  readonly letters: LetterStore;
  /** @throws what tells that the jobs are closed. */
  readonly refuseClosed: () => void;
  /** Jobs were added. */
  readonly onAdded: () => Promise<void>;
}

/** Dead letters, as the real ones answer. */
export function createMemoryLetters({ letters, refuseClosed, onAdded }: LettersParts): DeadLetters {
  const latestFirst = (filter: DeadLetterFilter): readonly MemoryLetter[] => {
    refuseClosed();
    return letters.all.filter(fitsFilter(filter)).toSorted((a, b) => b.diedAt - a.diedAt);
  };
  const existing = (id: string): MemoryLetter => {
    refuseClosed();
    const letter = letters.get(id);
    if (letter === undefined) throw letterMissing(id);
    return letter;
  };

  return {
    async list(given = {}) {
      checkLetterFilter(given, ["limit", "after"]);
      const { limit = 100, after, ...filter } = given;
      checkLimit(limit);
      const from = after === undefined ? Number.POSITIVE_INFINITY : Number(readCursor(after).micros);
      const behind = latestFirst(filter).filter(({ diedAt }) => diedAt < from);
      return behind.slice(0, limit).map(toDeadLetter);
    },

    async get(id) {
      checkText("id", id);
      refuseClosed();
      const letter = letters.get(id);
      return letter && toDeadLetter(letter);
    },

    async count(filter = {}) {
      checkLetterFilter(filter);
      const count = latestFirst(filter).length;
      return { count: Math.min(count, countedTo), isCapped: count > countedTo };
    },

    async groups(filter = {}) {
      checkLetterFilter(filter);
      return groupInMemory(latestFirst(filter));
    },

    async retryAll(filter, options = {}) {
      checkChange(filter, options);
      const result = await changeInMemory(options, latestFirst(filter), (batch) => {
        const changed = batch.filter((letter) => !letters.isSuperseded(letter));
        // Of several with one key only the first becomes a job, and of all the last to die runs last.
        const added = changed.filter(
          ({ key }, at) => key === null || changed.findIndex((one) => one.key === key) === at,
        );
        for (const letter of added.toReversed()) letters.revive(letter);
        return added.length;
      });
      await onAdded();
      return result;
    },

    async discardAll(filter, options = {}) {
      checkChange(filter, options);
      return changeInMemory(options, latestFirst(filter), (batch) => {
        for (const { id } of batch) letters.remove(id);
        return batch.length;
      });
    },

    async retry(id: string, mended?: { readonly task: Task; readonly payload: unknown }) {
      const payload = mended && (await toStoredPayload(mended.task, mended.payload));
      const letter = existing(id);
      if (mended && mended.task.name !== letter.task) throw letterOfOtherTask(letter.task, mended.task.name);
      if (letters.isSuperseded(letter)) throw letterSuperseded(id, letter.task);
      letters.revive(payload === undefined ? letter : { ...letter, payload });
      await onAdded();
    },

    async discard(id) {
      letters.remove(existing(id).id);
    },

    async purge({ olderThanMs } = {} as never) {
      checkAge(olderThanMs);
      const before = (letters.stamp() - olderThanMs) * 1_000;
      const old = latestFirst({}).filter(({ diedAt }) => diedAt < before);
      for (const { id } of old) letters.remove(id);
      return old.length;
    },
  };
}
