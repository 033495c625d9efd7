import type { BeginOptions, Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import type { WorldOptions } from "./world.ts";

/** A transaction of the package's own has nothing to watch: in it the database is asked about a lost COMMIT. */
export function isQuestion({ watch }: BeginOptions): boolean {
  return watch === undefined;
}

type PipelineCommit = NonNullable<Transaction<unknown>["pipelineCommit"]>;

/** Stands in the place where the unit sends the guard and COMMIT. */
export function changeCommit(send: (transaction: Transaction<unknown>, text: string) => ReturnType<PipelineCommit>) {
  return <Tx>(adapter: TransactionAdapter<Tx>): ReturnType<NonNullable<WorldOptions<Tx>["change"]>> => ({
    ...adapter,
    async begin(options) {
      const transaction = await adapter.begin(options);
      if (!transaction.pipelineCommit) return transaction;
      return { ...transaction, pipelineCommit: (text) => send(transaction, text) };
    },
  });
}

/** An adapter may leave that out, and then takes a round trip more. */
export async function skipUnlessPipelining(
  { adapter }: { readonly adapter: TransactionAdapter<unknown> },
  skip: (note: string) => never,
): Promise<void> {
  const watch = { sending() {}, answered() {}, failed() {}, noticed() {} };
  const transaction = await adapter.begin({ watch });
  await transaction.rollback(undefined);
  if (!transaction.pipelineCommit) skip("The adapter has no pipelineCommit.");
}
