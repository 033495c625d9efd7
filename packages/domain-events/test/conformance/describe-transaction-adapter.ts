import { describeCommitTruth } from "./commit-truth.ts";
import { describeCrash } from "./crash.ts";
import { describeFailover } from "./failover.ts";
import { describeGuard } from "./guard.ts";
import { describeRetries } from "./retries.ts";
import { describeRunOnce } from "./run-once.ts";
import { describeScopes } from "./scopes.ts";
import type { TestedDriver } from "./world.ts";

/** What every transaction adapter has to hold, on a real PostgreSQL. */
export function describeTransactionAdapter<Tx>(driver: TestedDriver<Tx>): void {
  describeCommitTruth(driver);
  describeGuard(driver);
  describeScopes(driver);
  describeRetries(driver);
  describeRunOnce(driver);
  describeCrash(driver);
  describeFailover(driver);
}
