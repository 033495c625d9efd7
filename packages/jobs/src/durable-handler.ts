/**
 * What {@link Jobs.durable} returns: a handler for an event bus of `@acme/domain-events`, which has the same type. It is written down here, so that types do
 * not need that package where only jobs are used.
 */
export interface DurableHandler<in Event> {
  readonly delivery: "durable";
  /** Stands in logs and errors. */
  readonly name: string;
  readonly store: DurableStore;
  /** Turns the event into what the store writes. */
  toRequest(event: Event): unknown;
}

/** Where it puts what must outlive the process. */
export interface DurableStore {
  write(requests: readonly unknown[], transaction?: DurableTransaction): Promise<DurableReceipt | undefined>;
  wake(): void;
}

/** The transaction that recorded the event. */
export interface DurableTransaction {
  readonly tx: unknown;
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  readonly proofSql: string;
}

/** What is known of what was written. */
export interface DurableReceipt {
  readonly proof?: unknown;
  readonly witness?: { readonly text: string; readonly values: readonly unknown[] };
}
