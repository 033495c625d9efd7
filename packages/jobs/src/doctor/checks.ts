import type { Check, DatabaseName } from "./check.ts";
import { checkClock } from "./clock-checks.ts";
import { checkConnections } from "./connection-checks.ts";
import { checkDeadLetters } from "./dead-letter-checks.ts";
import { checkDisk } from "./disk-checks.ts";
import { checkDueJobs } from "./due-job-checks.ts";
import { checkDurability } from "./durability-checks.ts";
import { checkInvalidIndexes, checkMissingIndexes } from "./index-checks.ts";
import { checkGoneFailures, checkLocks, checkQueues } from "./lock-checks.ts";
import { checkOutbox } from "./outbox-checks.ts";
import { checkPauses } from "./pause-checks.ts";
import { checkSchedules } from "./schedule-checks.ts";
import { checkServer } from "./server-checks.ts";
import { checkSessions } from "./session-checks.ts";
import { checkTables, checkVacuumHolders } from "./table-checks.ts";
import { checkVersions } from "./version-checks.ts";

/** What is looked at in a database. */
export interface Checks {
  readonly always: readonly Check[];
  /** Only in tables of the version that this package knows. */
  readonly migrated: readonly Check[];
}

const server: readonly Check[] = [
  { what: "the server", find: checkServer },
  { what: "connection limits", find: checkConnections },
  { what: "settings that lose commits", find: checkDurability },
  { what: "disk risks", find: checkDisk },
  { what: "the clock", find: checkClock },
  { what: "what holds vacuum back", find: checkVacuumHolders },
];
const missingIndexes: Check = { what: "missing indexes", find: checkMissingIndexes };
const tables: readonly Check[] = [
  missingIndexes,
  { what: "invalid indexes", find: checkInvalidIndexes },
  { what: "dead rows", find: checkTables },
];
const outbox: Check = { what: "the outbox", find: checkOutbox };

export const checksOf: Readonly<Record<DatabaseName, Checks>> = {
  jobs: {
    always: [...server, { what: "sessions", find: checkSessions }],
    migrated: [
      { what: "due jobs", find: checkDueJobs },
      { what: "dead letters", find: checkDeadLetters },
      { what: "locks", find: checkLocks },
      { what: "named queues", find: checkQueues },
      { what: "notes on failures", find: checkGoneFailures },
      { what: "the versions of workers", find: checkVersions },
      { what: "schedules", find: checkSchedules },
      { what: "pauses", find: checkPauses },
      ...tables,
    ],
  },
  outbox: { always: server, migrated: [outbox, ...tables] },
};

/** For an outbox in the database of the jobs, of which the rest is known already. */
export const outboxOnlyChecks: Checks = { always: [], migrated: [outbox, missingIndexes] };
