import { openSession } from "./units.ts";

/** Somebody else who writes to the same database, all the time. */
export interface Stranger extends AsyncDisposable {
  /** Resolves when one of its transactions has had this id, or a later one, and is committed. */
  reached(transactionId: bigint): Promise<void>;
  /** Resolves when it has committed so many. */
  commits(count: number): Promise<void>;
  /** Whether one of its transactions had this very id. */
  had(transactionId: bigint): boolean;
}

/** Starts to write at once, and goes on until it is disposed; the server has to stay. */
export async function startStranger(url: string): Promise<Stranger> {
  const session = await openSession(url);
  const ids = new Set<bigint>();
  let latest = 0n;
  const leaving = new AbortController();
  let waiting: { isDone: () => boolean; reader: PromiseWithResolvers<void> }[] = [];

  async function write(): Promise<void> {
    while (!leaving.signal.aborted) {
      const { rows } = await session.client.query<{ id: string }>(
        "insert into others_rows values (1) returning pg_current_xact_id()::text as id",
      );
      latest = BigInt(rows[0]!.id);
      ids.add(latest);
      for (const { isDone, reader } of waiting) if (isDone()) reader.resolve();
      waiting = waiting.filter(({ isDone }) => !isDone());
    }
  }
  const written = write();
  written.catch((error: unknown) => {
    for (const { reader } of waiting) reader.reject(error);
  });

  function until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    const reader = Promise.withResolvers<void>();
    waiting.push({ isDone, reader });
    return reader.promise;
  }
  return {
    reached: (id) => until(() => latest >= id),
    commits: (count) => until(() => ids.size >= count),
    had: (id) => ids.has(id),
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await written.catch(() => {});
      await session[Symbol.asyncDispose]();
    },
  };
}
