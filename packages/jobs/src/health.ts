import type { Pool } from "pg";
import { JobsError } from "./errors.ts";
import { withQueryTimeout } from "./database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";
import { outboxBacklog, type OutboxBacklog } from "./outbox/outbox-table.ts";
import type { WorkerState } from "./worker/worker.ts";

/** Whether each database can be reached over its pool within three seconds, and how much waits in the outbox. */
export interface JobsHealth {
  /** Of the workers of this process that have not stopped. One that is `running` gets jobs where there are any. */
  readonly workers: readonly WorkerState[];
  /** `undefined` for jobs without a connection. */
  readonly jobsDatabase: "up" | "down" | undefined;
  /**
   * What waits for a relay; `"down"` when the outbox's database does not answer, `"not migrated"` when it does and has no outbox; `undefined`
   * without an outbox.
   */
  readonly outbox: OutboxBacklog | "down" | "not migrated" | undefined;
}

const limitMs = 3_000;

export function createHealth({
  jobs,
  outbox,
  workers,
}: {
  readonly jobs: (() => Pool) | undefined;
  readonly outbox: (() => Pool) | undefined;
  readonly workers: () => readonly WorkerState[];
}) {
  return async (): Promise<JobsHealth> => {
    const [jobsAnswer, backlog] = await Promise.all([
      jobs && answer(async () => withQueryTimeout(jobs(), limitMs).query("select")),
      outbox && answer(async () => backlogOf(outbox())),
    ]);
    return {
      workers: workers(),
      jobsDatabase: jobs && (jobsAnswer === undefined ? "down" : "up"),
      outbox: outbox && (backlog ?? "down"),
    };
  };
}

async function backlogOf(outbox: Pool): Promise<OutboxBacklog | "not migrated"> {
  try {
    return await outboxBacklog(withQueryTimeout(outbox, limitMs));
  } catch (error) {
    if (error instanceof JobsError && error.code === "MIGRATION_MISSING") return "not migrated";
    throw error;
  }
}

/** The answer, or `undefined` where there is none in time. Why there is none, whoever needs the database will say. */
async function answer<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
  return withTimeout(limitMs, ask()).catch(() => undefined);
}
