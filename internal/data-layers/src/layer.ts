import type { TransactionAdapter } from "@acme/domain-events";

/** What the tests have to know of a data layer. */
export interface Layer<Tx> {
  readonly name: string;
  connect(url: string): Promise<ConnectedLayer<Tx>>;
  /** Stores a row by the layer's own means, which may keep it in memory. */
  insert(tx: Tx, id: number): unknown;
  /** Sends a statement by the layer's own means. */
  send(tx: Tx, text: string): Promise<unknown>;
}

export interface ConnectedLayer<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  /** Runs the work in a transaction of the layer's own, without the unit of work. */
  own(work: (tx: Tx) => Promise<unknown>): Promise<unknown>;
  end(): Promise<unknown>;
}
