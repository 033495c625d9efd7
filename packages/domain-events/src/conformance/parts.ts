import { describeAbortedSignals } from "./aborted-signals.ts";
import { describeAbortedTransaction } from "./aborted-transaction.ts";
import { describeAggregates } from "./aggregates.ts";
import { describeAskedCommit } from "./asked-commit.ts";
import { describeCallersScope } from "./callers-scope.ts";
import { describeCommitTriggers } from "./commit-triggers.ts";
import { describeCommitWitness } from "./commit-witness.ts";
import { describeConfirmedCommit } from "./confirmed-commit.ts";
import { describeDeadConnections } from "./dead-connections.ts";
import { describeDriverCallbacks } from "./driver-callbacks.ts";
import { describeGiven } from "./given.ts";
import { describeGuard } from "./guard.ts";
import { describeHiddenEnds } from "./hidden-ends.ts";
import { describeHiddenSavepoints } from "./hidden-savepoints.ts";
import { describeJoinedRuns } from "./joined-runs.ts";
import { describeKeysTable } from "./keys-table.ts";
import { describeLateAggregates } from "./late-aggregates.ts";
import { describeLateCalls } from "./late-calls.ts";
import { describeLeftOpen } from "./left-open.ts";
import { describeLeftovers } from "./leftovers.ts";
import { describeLostCommit } from "./lost-commit.ts";
import { describeLostConnection } from "./lost-connection.ts";
import { describeLostGuard } from "./lost-guard.ts";
import { describeNamedSavepoints } from "./named-savepoints.ts";
import { describeOpenSavepoints } from "./open-savepoints.ts";
import { describeOtherUnits } from "./other-units.ts";
import { describeOwnSavepoints } from "./own-savepoints.ts";
import { describePublishingInside } from "./publishing-inside.ts";
import { describePurgeKeys } from "./purge-keys.ts";
import { describeReadOnly } from "./read-only.ts";
import { describeRetries } from "./retries.ts";
import { describeRetryLimits } from "./retry-limits.ts";
import { describeRunOnce } from "./run-once.ts";
import { describeSavepoints } from "./savepoints.ts";
import type { TestedAdapter } from "./tested-adapter.ts";

export type Describe = <Tx>(tested: TestedAdapter<Tx>) => void;

export const parts = {
  commits: [
    describeGiven,
    describeConfirmedCommit,
    describeAbortedTransaction,
    describeLostCommit,
    describeAskedCommit,
    describeCommitWitness,
    describeGuard,
    describeLostGuard,
    describeCommitTriggers,
    describeHiddenEnds,
  ],
  connections: [
    describeLostConnection,
    describeDeadConnections,
    describeLeftOpen,
    describeReadOnly,
    describeDriverCallbacks,
    describeAbortedSignals,
  ],
  retries: [describeRetries, describeRetryLimits],
  runOnce: [describeRunOnce, describeKeysTable, describePurgeKeys],
  savepoints: [
    describeSavepoints,
    describeOpenSavepoints,
    describeOwnSavepoints,
    describeNamedSavepoints,
    describeHiddenSavepoints,
  ],
  scopes: [
    describeAggregates,
    describeLateAggregates,
    describeJoinedRuns,
    describePublishingInside,
    describeCallersScope,
    describeOtherUnits,
    describeLeftovers,
    describeLateCalls,
  ],
} satisfies Record<string, readonly Describe[]>;
