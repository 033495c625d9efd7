import type { PauseKey } from "../../job/pausable.ts";
import type { MemoryJob } from "./memory-job.ts";

/** What is paused in memory. */
export class MemoryPauses {
  readonly #pauses = new Map<string, { readonly key: PauseKey; readonly pausedAt: Date }>();

  add(key: PauseKey, pausedAt: Date): void {
    const id = idOf(key);
    if (!this.#pauses.has(id)) this.#pauses.set(id, { key, pausedAt });
  }

  /** @returns whether there was such a pause. */
  remove(key: PauseKey): boolean {
    return this.#pauses.delete(idOf(key));
  }

  /** In the order of the real ones. */
  list(): readonly { readonly key: PauseKey; readonly pausedAt: Date }[] {
    return [...this.#pauses.values()].toSorted((one, other) => (idOf(one.key) < idOf(other.key) ? -1 : 1));
  }

  holds(job: Pick<MemoryJob, "task" | "queue">): boolean {
    return [...this.#pauses.values()].some(({ key }) => isOf(key, job));
  }
}

/** Whether the pause is of this job. */
export function isOf({ kind, name }: PauseKey, { task, queue }: Pick<MemoryJob, "task" | "queue">): boolean {
  return kind === "everything" || (kind === "task" ? task : queue) === name;
}

function idOf({ kind, name }: PauseKey): string {
  return `${kind} ${name}`;
}
