import type { CommitProof } from "../commit/commit-proof.ts";
import type { CommitEvidence } from "../commit/confirm-commit.ts";
import type { DurableStore } from "@acme/shared/durable-handler";
import { isPromiseLike } from "@acme/shared/promise-like";
import { DomainEventsError } from "../errors.ts";
import type { Registrations } from "../bus/registrations.ts";
import { acceptProof, type Committing, proofSqlFor } from "../commit/send-commit.ts";

/**
 * The stores in which the requests of durable handlers were written, and how to find out whether they were committed.
 */
export interface DurableWrites extends Pick<CommitEvidence, "proof" | "witnesses"> {
  readonly stores: readonly DurableStore[];
}

/** Writes once to each store, with the requests of all events in order. */
export async function writeDurable<Tx>(
  committing: Committing<Tx>,
  registrations: Registrations<Tx>,
  events: readonly object[],
): Promise<DurableWrites> {
  const { transaction } = committing;
  const { tx } = transaction;
  const query = async (text: string, values: readonly unknown[]): ReturnType<typeof transaction.query> => {
    try {
      return await transaction.query(text, values);
    } catch (error) {
      committing.owned.failed(error);
      throw error;
    }
  };
  let proof: CommitProof | undefined;
  const witnesses = [];
  const requests = requestsByStore(registrations, events);
  for (const [store, ofStore] of requests) {
    const receipt = await store.write(ofStore, { tx, query, proofSql: proofSqlFor(committing, { assignId: true }) });
    if (receipt?.proof !== undefined) proof = acceptProof(committing, receipt.proof);
    if (receipt?.witness) witnesses.push(receipt.witness);
  }
  return { stores: [...requests.keys()], proof, witnesses };
}

function requestsByStore<Tx>(
  registrations: Registrations<Tx>,
  events: readonly object[],
): ReadonlyMap<DurableStore, readonly unknown[]> {
  const requests = new Map<DurableStore, unknown[]>();
  for (const event of events) {
    for (const { name, handler } of registrations.of(event).durable) {
      const request = handler.toRequest(event);
      if (isPromiseLike(request)) throw requestPending(name, request);
      const others = requests.get(handler.store);
      if (others) others.push(request);
      else requests.set(handler.store, [request]);
    }
  }
  return requests;
}

function requestPending(handler: string, request: PromiseLike<unknown>): DomainEventsError {
  // The request is refused either way, so a rejection of the promise is not reported.
  request.then(undefined, () => {});
  return new DomainEventsError(
    "HANDLER_INVALID",
    `toRequest() of the durable handler "${handler}" returned a promise. It has to be synchronous: anything that takes time belongs in write().`,
  );
}
