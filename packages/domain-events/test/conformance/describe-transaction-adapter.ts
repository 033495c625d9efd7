import { describeCallersScope } from "./callers-scope.ts";
import { describeCancelledCommit } from "./cancelled-commit.ts";
import { describeCommitTruth } from "./commit-truth.ts";
import { describeCrash } from "./crash.ts";
import { describeDeadConnections } from "./dead-connections.ts";
import { describeDriverCallbacks } from "./driver-callbacks.ts";
import { describeFailover } from "./failover.ts";
import { describeGuard } from "./guard.ts";
import { describeHiddenEnds } from "./hidden-ends.ts";
import { describeHostileSurroundings } from "./hostile-surroundings.ts";
import { describeLeftovers } from "./leftovers.ts";
import { describeOwnSavepoints } from "./own-savepoints.ts";
import { describeReadOnly } from "./read-only.ts";
import { describeRetries } from "./retries.ts";
import { describeRunOnce } from "./run-once.ts";
import { describeScopes } from "./scopes.ts";
import type { TestedDriver } from "./world.ts";

/** What every transaction adapter has to hold, on a real PostgreSQL. */
export function describeTransactionAdapter<Tx>(driver: TestedDriver<Tx>): void {
  describeCommitTruth(driver);
  describeGuard(driver);
  describeHiddenEnds(driver);
  describeScopes(driver);
  describeCallersScope(driver);
  describeDriverCallbacks(driver);
  describeDeadConnections(driver);
  describeOwnSavepoints(driver);
  describeLeftovers(driver);
  describeHostileSurroundings(driver);
  describeReadOnly(driver);
  describeRetries(driver);
  describeRunOnce(driver);
  describeCancelledCommit(driver);
  describeCrash(driver);
  describeFailover(driver);
}
