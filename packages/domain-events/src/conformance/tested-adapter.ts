import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";

/**
 * An adapter or a data layer, and what the suite has to know of it.
 *
 * @throws from its methods whatever the driver throws: a test that does not expect it fails with it.
 */
export interface TestedAdapter<Tx> {
  /** Stands in the titles of the tests. */
  readonly name: string;
  /**
   * A database on a server for tests, with a role that is a superuser. The suite creates databases of its own beside it,
   * and drops them. It also makes checkpoints, ends sessions and locks a system catalog for a moment, so nobody else
   * should need that server meanwhile.
   */
  readonly databaseUrl: string | (() => string);
  /** Opens a pool on the database of that URL. Each test has a pool of its own. */
  connect(url: string, options: ConnectOptions): Promise<ConnectedAdapter<Tx>> | ConnectedAdapter<Tx>;
  /** Sends one text by the means of the data layer. It may hold several statements. */
  query(tx: Tx, text: string): Promise<unknown>;
  /**
   * Takes the server's error out of one of the data layer's own, and returns every other error as it is. If it is left
   * out, the data layer has to throw errors of the server unchanged.
   */
  unwrap?(error: unknown): unknown;
  /**
   * Whether the connections are clients of pg, each of which `connect` hands to `onClient`. If it is left out, tests
   * that send past the data layer, or count round trips, are skipped.
   */
  readonly isOverPg?: boolean;
  /** Sends one text and calls back when it is answered. If it is left out, its test is skipped. */
  queryCalling?(tx: Tx, text: string, called: (error: unknown) => void): void;
  /** Calls for each row of a stream, and settles when that is over. If it is left out, its test is skipped. */
  stream?(tx: Tx, text: string, onRow: () => void): Promise<void>;
  /** Ways to end the transaction besides SQL, such as `tx.commit()`. */
  readonly meddling?: readonly Meddling<Tx>[];
  /** Ways in which the data layer calls back. */
  readonly callbackStyles?: readonly CallbackStyle<Tx>[];
}

/** How {@link TestedAdapter.connect} has to open its pool. */
export interface ConnectOptions {
  /** The most connections. */
  readonly max: number;
  /** After how long the driver itself gives up an answer: `query_timeout` of pg. Default: never. */
  readonly queryTimeoutMs?: number | undefined;
  /** Has to be called with each new client, before anything is sent on it: `pool.on("connect", onClient)`. */
  readonly onClient: (client: object) => void;
}

/**
 * An open pool.
 *
 * @throws from its methods whatever the driver throws: the test fails with it.
 */
export interface ConnectedAdapter<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  /** How many connections are checked out of the pool: `pool.totalCount - pool.idleCount`. */
  inUseCount(): number;
  /** Closes the pool. */
  end(): Promise<unknown>;
}

/** One way to end the transaction, which has to be refused. */
export interface Meddling<Tx> {
  /** Stands in the title of its test. */
  readonly how: string;
  readonly meddle: (tx: Tx) => unknown;
}

/** One way in which the data layer calls back. */
export interface CallbackStyle<Tx> {
  /** Stands in the title of its test. */
  readonly how: string;
  /** Calls `then` once, when a query is under way or done. */
  readonly call: (tx: Tx, then: () => void) => void;
}
