import { isInAborted } from "../transaction/database-error.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** The `tx` of each adapter that takes part in a unit: of the one that began it, and of those that have joined it. */
export class UnitTxs {
  readonly #handle: unknown;
  readonly #txs = new Map<TransactionAdapter<unknown>, unknown>();
  #hasBuffers = false;

  constructor(adapter: TransactionAdapter<unknown>, { tx, handle }: Transaction<unknown>) {
    this.#handle = handle;
    this.#keep(adapter, tx);
  }

  /** Whether some `tx` may keep in memory what it has to send. */
  get hasBuffers(): boolean {
    return this.#hasBuffers;
  }

  /** The same `tx` for all runs with that adapter. `undefined` if the adapter cannot make one. */
  async of(adapter: TransactionAdapter<unknown>): Promise<unknown> {
    if (this.#txs.has(adapter)) return this.#txs.get(adapter);
    if (this.#handle === undefined) return undefined;
    const adopting = Promise.resolve(adapter.adopt?.(this.#handle));
    // Kept before it is awaited: two runs that join at once need the same buffer.
    this.#keep(adapter, adopting);
    const adopted = await adopting.catch((error: unknown) => {
      this.#txs.delete(adapter);
      throw error;
    });
    if (adopted === undefined) this.#txs.delete(adapter);
    return adopted;
  }

  /** Has each `tx` send what it keeps in memory. */
  async sendBuffered(): Promise<void> {
    try {
      for (const [adapter, tx] of this.#txs) await adapter.beforeCommit?.(await tx);
    } catch (error) {
      if (!isInAborted(error)) throw error;
      throw TransactionAbortedError.swallowed("An earlier statement of this transaction had failed.", { cause: error });
    }
  }

  clear(): void {
    this.#txs.clear();
  }

  #keep(adapter: TransactionAdapter<unknown>, tx: unknown): void {
    this.#txs.set(adapter, tx);
    this.#hasBuffers ||= adapter.beforeCommit !== undefined;
  }
}
