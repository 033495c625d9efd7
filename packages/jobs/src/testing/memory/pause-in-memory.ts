import type { Admin } from "../../admin/admin.ts";
import { toPausable, toPauseKey, type PauseKey } from "../../job/pausable.ts";
import { isOf } from "./memory-pauses.ts";
import type { MemoryStore } from "./memory-store.ts";

type AdminOfPauses = Pick<Admin, "pause" | "resume" | "pauses">;

/** @param onResumed - Runs what may run now. */
export function createMemoryPauses(
  store: MemoryStore,
  { refuseClosed, onResumed }: { readonly refuseClosed: () => void; readonly onResumed: () => Promise<void> },
): AdminOfPauses {
  return {
    async pause(what) {
      const key = toPauseKey(what);
      refuseClosed();
      store.pauses.add(key, new Date(store.clock.now));
    },
    async resume(what) {
      const key = toPauseKey(what);
      refuseClosed();
      const isRemoved = store.pauses.remove(key);
      if (isRemoved) {
        store.tell();
        await onResumed();
      }
      return isRemoved;
    },
    async pauses() {
      refuseClosed();
      const isKnown = (key: PauseKey) => key.kind === "everything" || store.jobs.some((job) => isOf(key, job));
      return store.pauses
        .list()
        .map(({ key, pausedAt }) => ({ what: toPausable(key), pausedAt, isKnown: isKnown(key) }));
    },
  };
}
