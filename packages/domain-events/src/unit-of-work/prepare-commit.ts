import { BeforeCommitRun } from "./before-commit-run.ts";
import type { CommitEvidence } from "../commit/confirm-commit.ts";
import type { Dispatcher } from "../bus/event-bus.ts";
import type { Registrations } from "../bus/registrations.ts";
import { type Committing, explainFailure } from "../commit/send-commit.ts";
import type { Unit } from "./unit.ts";
import { type DurableWrites, writeDurable } from "./write-durable.ts";

export interface PreparedCommit<in Tx> extends CommitEvidence, DurableWrites {
  readonly registrations: Registrations<Tx>;
}

/**
 * Everything that happens in the transaction between the end of the work and COMMIT: the beforeCommit handlers run, and
 * then each durable store writes once.
 */
export async function prepareCommit<Tx>(
  unit: Unit,
  bus: Dispatcher<Tx>,
  committing: Committing<Tx>,
): Promise<PreparedCommit<Tx>> {
  const beforeCommit = new BeforeCommitRun(unit, committing.transaction.tx, bus);
  const { registrations } = beforeCommit;
  const events = await beforeCommit.run();
  if (events.length === 0) return { events, registrations, stores: [], proof: undefined, witnesses: [] };
  try {
    return { events, registrations, ...(await writeDurable(committing, registrations, events)) };
  } catch (error) {
    throw explainFailure(committing, error);
  }
}
