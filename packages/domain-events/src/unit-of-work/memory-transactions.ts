import { callersScopeIn } from "./scope.ts";
import { claimKeySql } from "./run-once.ts";
import { findScope } from "../current-unit.ts";
import { changesInMemory } from "./memory-changes.ts";
import { memoryColumn } from "@acme/shared/memory-answer";
import { askMemoryTransactionSql, type MemoryTransaction, noteMemoryTx } from "@acme/shared/memory-transaction";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import type { Unit } from "./unit.ts";
import { unitEnded } from "../unit-errors.ts";

type Answer = Awaited<ReturnType<Transaction<unknown>["query"]>>;

/** The answer to every question of the unit of work: the feature is there, and the mark of the transaction, too. */
const wellAnswer: Answer = { rows: [{ holds: true, proof: "|1|0", [memoryColumn]: true }] };

/**
 * Transactions without a database. Statements do nothing, except that the keys of `runOnce` are kept, and that what else
 * is in memory can take part.
 */
export function memoryTransactions<Tx>(tx: Tx): TransactionAdapter<Tx> {
  const keys = new Map<string, Promise<boolean>>();
  noteMemoryTx(tx, () => queryOfUnit(keys));

  function begin(): Transaction<Tx> {
    const ends: ((committed: boolean) => void)[] = [];
    const { changes, sees } = changesInMemory();
    const transaction: MemoryTransaction = { changes, add: (change) => void changes.push(change) };
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

    async function query(text: string, values?: readonly unknown[]): Promise<Answer> {
      if (text === claimKeySql) return claim(String(values?.[0]));
      if (text === askMemoryTransactionSql) return { rows: [{ memory_transaction: transaction }] };
      sees(text);
      return wellAnswer;
    }

    function end(committed: boolean): void {
      isOver = true;
      for (const settle of ends) settle(committed);
    }

    return {
      tx,
      query,
      async commit() {
        for (const change of changes) change.apply();
        end(true);
        await Promise.all(changes.map((change) => change.follow()));
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

/** The unit over these transactions in which the caller runs. */
function queryOfUnit(database: object): Transaction<unknown>["query"] | undefined {
  // All units over an adapter of this package are of this class.
  const unit = findScope((running) => running.database === database)?.unit as Unit | undefined;
  const scope = unit && callersScopeIn(unit);
  return scope && ((text, values) => unit.query(scope, text, values));
}
