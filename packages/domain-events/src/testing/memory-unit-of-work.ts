import { memoryTransactions } from "../unit-of-work/memory-transactions.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { createUnitOfWork, type UnitOfWork } from "../unit-of-work/unit-of-work.ts";
import type { UnitOfWorkOptions } from "../unit-of-work/unit-of-work-options.ts";

/** Settings of a unit of work without a database. */
export interface MemoryUnitOfWorkOptions<Tx> extends UnitOfWorkOptions<Tx> {
  /** What the work gets as `tx`: a fake of your own, if the work needs one. */
  readonly tx?: Tx;
}

/**
 * A unit of work without a database, for tests of code that records events. Collecting, savepoints, joined runs,
 * handlers and `runOnce` are the real ones, but there are no rows to roll back.
 *
 * @throws {@link DomainEventsError} `OPTIONS_INVALID` for options out of their range.
 *
 * @example
 * const unitOfWork = createMemoryUnitOfWork({ bus });
 * await unitOfWork.run(({ record }) => record(new CartEmptied()));
 */
export function createMemoryUnitOfWork<Tx = undefined>({
  tx,
  ...options
}: MemoryUnitOfWorkOptions<Tx> = {}): UnitOfWork<Tx> {
  // If no `tx` is given, Tx is undefined.
  const memory: TransactionAdapter<unknown> = memoryTransactions(tx);
  return createUnitOfWork(memory, options as UnitOfWorkOptions<unknown>) as UnitOfWork<Tx>;
}
