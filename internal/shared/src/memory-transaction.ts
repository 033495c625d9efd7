/** A transaction without a database, in which what else is kept in memory can take part. */
export interface MemoryTransaction {
  /** The changes of a commit now, in order. Those of a savepoint that was rolled back are not among them. */
  readonly changes: readonly MemoryChange[];
  add(change: MemoryChange): void;
}

/** What happens if the transaction commits, and only then. */
export interface MemoryChange {
  /** Whose change it is. */
  readonly owner: object;
  /** Must not throw. */
  apply(): void;
  /** What follows from the commit. The unit of work waits for it. Must not reject. */
  follow(): Promise<void>;
}

/** Changes nothing in any database, and there the answer is null. A transaction in memory answers with itself. */
export const askMemoryTransactionSql = "select null as memory_transaction";

type Query = (text: string, values: readonly unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;

/** Sends a statement in the transaction of the unit in which the caller runs, if it has such a `tx`. */
type FindQuery = () => Query | undefined;

// The builds of both packages share it: what one has made must be known to the other.
const queriesName = Symbol.for("@acme/memory-queries@1");
const globals = globalThis as unknown as Record<symbol, WeakMap<WeakKey, FindQuery[]> | undefined>;
const queries = (globals[queriesName] ??= new WeakMap());

/** Notes that a unit of work without a database hands out this `tx`, a fake that tells nothing of the transaction. */
export function noteMemoryTx(tx: unknown, find: FindQuery): void {
  if (!isWeakKey(tx)) return;
  const known = queries.get(tx);
  if (known) known.push(find);
  else queries.set(tx, [find]);
}

/** Whether a unit of work without a database hands out this `tx`. */
export function isMemoryTx(tx: unknown): boolean {
  return isWeakKey(tx) && queries.has(tx);
}

/** The way to the transaction of that unit, if the caller runs in it. */
export function queryOfMemoryTx(tx: unknown): Query | undefined {
  if (!isWeakKey(tx)) return undefined;
  for (const find of queries.get(tx) ?? []) {
    const query = find();
    if (query) return query;
  }
  return undefined;
}

function isWeakKey(value: unknown): value is WeakKey {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
