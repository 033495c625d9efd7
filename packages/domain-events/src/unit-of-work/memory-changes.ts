import type { MemoryChange } from "@acme/shared/memory-transaction";

const savepointPattern = /^\s*(savepoint|release|rollback\s+to)(?:\s+savepoint)?\s+("[^"]+"|\w+)/i;

/** The changes of one transaction, and what savepoints do to them. */
export function changesInMemory() {
  const changes: MemoryChange[] = [];
  const marks: { readonly name: string; readonly count: number }[] = [];

  /** Told of each statement. */
  function sees(text: string): void {
    const [, verb, name] = savepointPattern.exec(text) ?? [];
    if (verb === undefined || name === undefined) return;
    if (verb.toLowerCase() === "savepoint") return void marks.push({ name, count: changes.length });
    const at = marks.findLastIndex((mark) => mark.name === name);
    const mark = marks[at];
    if (mark === undefined) return;
    const isRelease = verb.toLowerCase() === "release";
    // A savepoint outlives a rollback to it.
    marks.length = isRelease ? at : at + 1;
    if (!isRelease) changes.length = mark.count;
  }

  return { changes, sees };
}
