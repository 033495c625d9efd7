import type { JobRequest } from "../../job/job-request.ts";
import type { JobWriter } from "../../job-writer.ts";
import type { MemoryStore } from "./memory-store.ts";
import { transactionInMemory } from "./transaction-in-memory.ts";

interface WriterParts {
  readonly refuseClosed: () => void;
  /** Jobs were added. */
  readonly follow: () => Promise<void>;
}

/** Writes to the store: at once, or when the transaction commits. */
export function createMemoryWriter(store: MemoryStore, { refuseClosed, follow }: WriterParts): JobWriter {
  const addAll = (requests: readonly JobRequest[]) => {
    for (const request of requests) store.add(request);
  };
  return {
    async write(requests, tx) {
      if (requests.length === 0) return undefined;
      if (tx === undefined) {
        refuseClosed();
        addAll(requests);
        await follow();
        return undefined;
      }
      const transaction = await transactionInMemory(tx);
      transaction.add(new AddedJobs(store, requests, follow));
      return undefined;
    },
  };
}

/** Jobs that a transaction adds if it commits. */
export class AddedJobs {
  readonly owner: MemoryStore;
  readonly requests: readonly JobRequest[];
  readonly follow: () => Promise<void>;

  constructor(owner: MemoryStore, requests: readonly JobRequest[], follow: () => Promise<void>) {
    this.owner = owner;
    this.requests = requests;
    this.follow = follow;
  }

  apply(): void {
    this.addTo(this.owner);
  }

  addTo(store: MemoryStore): void {
    for (const request of this.requests) store.add(request);
  }
}
