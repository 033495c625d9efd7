import type { Pool } from "pg";
import { JobsError } from "./errors.ts";
import { withQueryTimeout } from "./database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";
import { outboxBacklog, type OutboxBacklog } from "./outbox/outbox-table.ts";
import type { WorkerState } from "./worker/worker.ts";

/** Whether each database can be reached over its pool within three seconds, and how much waits in the outbox. */
export interface JobsHealth {
  /**
   * The states of the workers of this process that have not stopped. A worker that is `running` gets jobs if there are
   * any.
   */
  readonly workers: readonly WorkerState[];
  /** `undefined` if the jobs were made without a `connection`. */
  readonly jobsDatabase: "up" | "down" | undefined;
  /**
   * How much waits for a relay. `"down"` if the database of the outbox does not answer; `"not migrated"` if that database has
   * no outbox yet; `undefined` if the jobs were made without an `outbox`.
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
      outbox && askBacklog(outbox),
    ]);
    return {
      workers: workers(),
      jobsDatabase: jobs && (jobsAnswer === undefined ? "down" : "up"),
      outbox: backlog,
    };
  };
}

/** How much waits in the outbox. Answers within three seconds, and never rejects. */
export async function askBacklog(outbox: () => Pool): Promise<OutboxBacklog | "down" | "not migrated"> {
  return (await answer(async () => backlogOf(outbox()))) ?? "down";
}

async function backlogOf(outbox: Pool): Promise<OutboxBacklog | "not migrated"> {
  try {
    return await outboxBacklog(withQueryTimeout(outbox, limitMs));
  } catch (error) {
    if (error instanceof JobsError && error.code === "MIGRATION_MISSING") return "not migrated";
    throw error;
  }
}

/** The answer, or `undefined` if none came in time. The reason is not kept: calls that need the database report it. */
async function answer<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
  return withTimeout(limitMs, ask()).catch(() => undefined);
}
