import { claimKeySql } from "./run-once.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { unitEnded } from "../unit-errors.ts";

type Answer = Awaited<ReturnType<Transaction<unknown>["query"]>>;

/** The answer to every question of the unit of work: the feature is there, and the mark of the transaction, too. */
const wellAnswer: Answer = { rows: [{ holds: true, proof: "|1|0" }] };

/** Transactions without a database. Statements do nothing, except that the keys of `runOnce` are kept. */
export function memoryTransactions<Tx>(tx: Tx): TransactionAdapter<Tx> {
  const keys = new Map<string, Promise<boolean>>();

  function begin(): Transaction<Tx> {
    const ends: ((committed: boolean) => void)[] = [];
    let isOver = false;

    async function claim(key: string): Promise<Answer> {
      // Does what the insert does: waits for the transaction that holds the key, and looks again.
      for (let holder = keys.get(key); holder; holder = keys.get(key))
        if (await holder) return { rows: [{ key, claimed: false }] };
      // A key that is claimed now would never be released.
      if (isOver) throw unitEnded("A key was claimed", "undone");
      const held = new Promise<boolean>((resolve) => ends.push(resolve));
      keys.set(key, held);
      void held.then((committed) => committed || keys.delete(key));
      return { rows: [{ key, claimed: true }] };
    }

    function end(committed: boolean): void {
      isOver = true;
      for (const settle of ends) settle(committed);
    }

    return {
      tx,
      query: async (text, values) => (text === claimKeySql ? claim(String(values?.[0])) : wellAnswer),
      async commit() {
        end(true);
        return "COMMIT";
      },
      async rollback() {
        end(false);
      },
      abandon() {},
    };
  }

  return {
    database: keys,
    begin: async () => begin(),
    adopt: () => tx,
  };
}
