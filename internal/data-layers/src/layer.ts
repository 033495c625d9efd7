import type { TransactionAdapter } from "@acme/domain-events";
import type { ConnectedAdapter, ConnectOptions, TestedAdapter } from "@acme/domain-events/conformance";

/** A data layer, as the published suite and the tests of this workspace have to know it. */
export interface Layer<Tx> extends Omit<TestedAdapter<Tx>, "connect" | "databaseUrl"> {
  /** What its own transaction does at the end of a work that has swallowed the error of a statement. */
  readonly afterSwallowed: "rejects" | "resolves";
  connect(url: string, options: ConnectOptions): Promise<ConnectedLayer<Tx>>;
  /** Stores a row by the layer's own means, which may keep it in memory. */
  insert(tx: Tx, id: number): unknown;
  /** What a nested transaction of its own is inside a unit: one that the unit refuses, or a savepoint. */
  readonly nesting: "refused" | "savepoint";
  nested(tx: Tx, work: (tx: Tx) => Promise<unknown>): Promise<unknown>;
}

export interface ConnectedLayer<Tx> extends ConnectedAdapter<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  /** Runs the work in a transaction of the layer's own, without the unit of work. */
  own(work: (tx: Tx) => Promise<unknown>): Promise<unknown>;
}
