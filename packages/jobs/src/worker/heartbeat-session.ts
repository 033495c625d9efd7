import type { Pool } from "pg";
import { isTrue } from "@acme/shared/is-true";
import { isUnreachable, mayOnlyRead } from "../database/database-errors.ts";
import { beginTransaction } from "../database/transaction.ts";
import { connectSession, type SessionConnection } from "./session-connection.ts";
import { declareDead, freeLock, leave, leaveAndGiveBack, tryLock } from "./worker-registry.ts";

/**
 * The connection for heartbeats, which also holds the locks of the worker's pools. It is opened again after it was
 * lost.
 */
export class HeartbeatSession {
  readonly #pool: Pool;
  readonly #longestAnswerMs: number;
  #connection: SessionConnection | undefined;
  #mayOnlyRead = false;
  #held = new Set<string>();

  constructor(pool: Pool, { longestAnswerMs }: { readonly longestAnswerMs: number }) {
    this.#pool = pool;
    this.#longestAnswerMs = longestAnswerMs;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** @param show - Writes heartbeats. Called on a session that is to replace this one, while this one still has its locks. */
  async connect(show: (next: SessionConnection) => Promise<unknown>): Promise<SessionConnection> {
    if (this.#mayOnlyRead) await this.#replace(show);
    if (this.#connection !== undefined) return this.#connection;
    this.#held = new Set();
    const connection = connectSession(this.#pool, this.#longestAnswerMs);
    // Known from now on, so that a stop ends it, too.
    this.#connection = connection;
    try {
      await connection.ready;
    } catch (error) {
      this.lose();
      throw error;
    }
    return connection;
  }

  /** Only by one that may write: without its lock, and with an old heartbeat, the worker may be considered dead. */
  async #replace(show: (next: SessionConnection) => Promise<unknown>): Promise<void> {
    const next = connectSession(this.#pool, this.#longestAnswerMs);
    try {
      await next.ready;
      const { rows } = await next.query("select current_setting('transaction_read_only') = 'on' as holds");
      if (isTrue(rows[0]?.["holds"])) return next.end();
      await show(next);
    } catch (error) {
      next.end();
      throw error;
    }
    this.lose();
    this.#held = new Set();
    this.#connection = next;
  }

  /** Keeps the connection if the server has answered with an error: a worker without it may be considered dead. */
  loseAfter(error: unknown): void {
    if (this.#connection?.isBroken !== false || isUnreachable(error)) this.lose();
    else this.#mayOnlyRead ||= mayOnlyRead(error);
  }

  lose(): void {
    this.#mayOnlyRead = false;
    this.#connection?.end();
    this.#connection = undefined;
  }

  async hold(db: SessionConnection, poolId: string): Promise<void> {
    if (!this.#held.has(poolId) && (await tryLock(db, poolId))) this.#held.add(poolId);
  }

  /** Declares these pools dead, and frees their locks. */
  async release(db: SessionConnection, poolIds: readonly string[]): Promise<void> {
    if (poolIds.length > 0) await declareDead(db, poolIds);
    for (const poolId of poolIds) if (this.#held.delete(poolId)) await freeLock(db, poolId);
  }

  /** Other workers then recover the jobs that these pools have left locked. */
  die(poolIds: readonly string[]): Promise<void> {
    return this.#tell(declareDead, poolIds);
  }

  /** @param options.mayHaveLostLocks - Jobs may be locked that no pool knows of. They are returned. */
  async leave(poolIds: readonly string[], { mayHaveLostLocks }: { readonly mayHaveLostLocks: boolean }): Promise<void> {
    if (!mayHaveLostLocks) return this.#tell(leave, poolIds);
    await using transaction = await beginTransaction(this.#pool);
    await leaveAndGiveBack(transaction, poolIds);
    await transaction.commit();
  }

  async #tell(how: typeof leave, poolIds: readonly string[]): Promise<void> {
    try {
      await how(this.#connection ?? this.#pool, poolIds);
    } catch {
      // The heartbeat connection may have been lost since the last heartbeat.
      await how(this.#pool, poolIds);
    }
  }
}
