import type { Logger } from "@acme/shared/logger";
import { toDeadLetter } from "./memory-letter.ts";
import type { LetterStore } from "./letter-store.ts";
import type { RunMemoryJob } from "./memory-attempts.ts";
import { drainMemory } from "./memory-drain.ts";
import { toEnqueued, toSummary } from "./memory-job.ts";
import type { MemorySide } from "./memory-side.ts";
import type { MemoryStore } from "./memory-store.ts";
import { AddedJobs } from "./memory-writer.ts";
import { transactionInMemory } from "./transaction-in-memory.ts";

interface SideParts {
  readonly store: MemoryStore;
  readonly letters: LetterStore;
  readonly run: RunMemoryJob;
  readonly logger: Logger;
  readonly refuseClosed: () => void;
  readonly follow: () => Promise<void>;
}

export function createMemorySide({ store, letters, run, logger, refuseClosed, follow }: SideParts): MemorySide {
  /** With what the transaction would add. */
  const storeWithin = async (tx: unknown): Promise<MemoryStore> => {
    const { changes } = await transactionInMemory(tx);
    const copy = store.copy();
    for (const change of changes) if (change instanceof AddedJobs && change.owner === store) change.addTo(copy);
    return copy;
  };

  return {
    async list(task, within) {
      const seen = "tx" in within ? await storeWithin(within.tx) : store;
      refuseClosed();
      const jobs = seen.jobs.filter((job) => task === null || job.task === task);
      return jobs.map(toEnqueued).toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
    },

    async makeDue(task) {
      refuseClosed();
      const count = store.makeDue((job) => task === null || job.task === task);
      await follow();
      return count;
    },

    async get(id) {
      refuseClosed();
      const job = store.get(id);
      if (job) return { in: "queue", job: toSummary(job, store.clock.now), errors: job.errors };
      const letter = letters.get(id);
      if (letter === undefined) return undefined;
      const { payload: _, ...rest } = toDeadLetter(letter);
      return { in: "deadLetters", letter: rest };
    },

    async drain(options) {
      refuseClosed();
      return drainMemory({ store, run, logger }, options);
    },
  };
}
