import { describeTransactionAdapter } from "../../src/conformance/describe-transaction-adapter.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";
import { describeCancelledCommit } from "./cancelled-commit.ts";
import { describeCrash } from "./crash.ts";
import { describeFailover } from "./failover.ts";
import { describeRenamedDatabase } from "./renamed-database.ts";
import { describeStandingStill } from "./standing-still.ts";

/** The published suite, and what needs servers that crash, stand still and take over from each other. */
export function describeOnOwnServers<Tx>(driver: TestedAdapter<Tx>): void {
  describeTransactionAdapter(driver);
  describeStandingStill(driver);
  describeRenamedDatabase(driver);
  describeCancelledCommit(driver);
  describeCrash(driver);
  describeFailover(driver);
}
