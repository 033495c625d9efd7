import { type ConnectionHolder, holdConnection, letGo } from "./connection-events.ts";
import { isAnswer } from "./database-error.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { PgClient, PgResult } from "./pg-client.ts";
import { expectNoAnswers, sendTogether } from "./pipeline.ts";
import type { Transaction, TransactionWatch } from "./transaction-adapter.ts";
import { watchQueries } from "./query-watch.ts";
import { unitEnded } from "../unit-errors.ts";
import { watchedClient } from "./watched-client.ts";
import { rollbackTimeoutMs, within } from "../timeout.ts";

/** A transaction on a client that a pool has given out, until it is given back. */
export function pgTransactionOn<Tx>(client: PgClient, watch: TransactionWatch | undefined): Transaction<Tx> {
  let lost: Error | undefined;
  let isOpen = true;
  let isReleased = false;
  const holder: ConnectionHolder = {
    lost(error) {
      lost ??= error;
    },
    noticed: (notice) => watch?.noticed(notice),
  };
  holdConnection(client, holder);
  const watching = watchQueries(client, watch);
  const send = (text: string, values?: readonly unknown[]): Promise<PgResult> =>
    watching.send(text, values && [...values]) as Promise<PgResult>;

  function release(error?: unknown): void {
    isOpen = false;
    if (isReleased) return;
    isReleased = true;
    letGo(client, holder);
    watching.end();
    try {
      client.release(error === undefined ? undefined : error instanceof Error ? error : true);
    } catch (failure) {
      // A listener of the pool's has thrown. What the server has answered stands.
      process.emitWarning(failure instanceof Error ? failure : String(failure));
    }
  }

  function sendCommit(): Promise<PgResult> {
    isOpen = false;
    return send("commit");
  }

  async function tagOf(committed: Promise<PgResult>): Promise<string> {
    try {
      const { command } = await committed;
      release();
      return command;
    } catch (error) {
      // Without an answer the transaction may be open still, and whoever got the connection next would commit it.
      release(lost ?? (isAnswer(error) ? undefined : error));
      throw error;
    }
  }

  async function rollback(): Promise<void> {
    isOpen = false;
    if (isReleased) return;
    try {
      await within(rollbackTimeoutMs, send("rollback"));
      release();
    } catch (error) {
      release(error);
    }
  }

  const handle = watch ? watchedClient(client, { watch, send: watching.send, isOpen: () => isOpen }) : client;
  return {
    tx: handle as Tx,
    handle,
    connection: client,
    isBusy: () => client.readyForQuery === false,
    async query(text, values) {
      if (lost) throw TransactionAbortedError.lost(lost);
      if (!isOpen) throw unitEnded("A statement was sent", "committed");
      return send(text, values);
    },
    async commit() {
      if (!lost) return tagOf(sendCommit());
      await rollback();
      throw TransactionAbortedError.lost(lost);
    },
    pipelineCommit(text) {
      if (lost) return undefined;
      const sent = sendTogether(client, () => send(text), sendCommit);
      return sent && { answer: sent[0], tag: tagOf(sent[1]) };
    },
    rollback,
    abandon(reason) {
      expectNoAnswers(client);
      release(reason);
    },
  };
}
