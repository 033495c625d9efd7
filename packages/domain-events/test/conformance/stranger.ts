import { openSession } from "./units.ts";

/** Somebody else who writes to the same database, all the time. */
export interface Stranger extends AsyncDisposable {
  /** Resolves when one of its transactions has had this id, or a later one, and is committed. */
  reached(transactionId: bigint): Promise<void>;
  /** Whether one of its transactions had this very id. */
  had(transactionId: bigint): boolean;
}

/** Starts to write at once, and goes on until it is disposed; the server has to stay. */
export async function startStranger(url: string): Promise<Stranger> {
  const session = await openSession(url);
  const ids = new Set<bigint>();
  let latest = 0n;
  let isLeaving = false;
  let waiting: { id: bigint; reader: PromiseWithResolvers<void> }[] = [];

  async function write(): Promise<void> {
    while (!isLeaving) {
      const { rows } = await session.client.query<{ id: string }>(
        "insert into others_rows values (1) returning pg_current_xact_id()::text as id",
      );
      latest = BigInt(rows[0]!.id);
      ids.add(latest);
      for (const { id, reader } of waiting) if (latest >= id) reader.resolve();
      waiting = waiting.filter(({ id }) => latest < id);
    }
  }
  const written = write();
  written.catch((error: unknown) => {
    for (const { reader } of waiting) reader.reject(error);
  });

  return {
    reached(id) {
      if (latest >= id) return Promise.resolve();
      const reader = Promise.withResolvers<void>();
      waiting.push({ id, reader });
      return reader.promise;
    },
    had: (id) => ids.has(id),
    async [Symbol.asyncDispose]() {
      isLeaving = true;
      await written.catch(() => {});
      await session[Symbol.asyncDispose]();
    },
  };
}
