import type { WorkerEvents } from "graphile-worker";
import type { PoolClient } from "pg";
import type { PoolObserver } from "./pool-observer.ts";

/** What Graphile Worker sets when somebody migrates its tables. */
const exitCodeOfMigration = 57;

/** Whether a pool of Graphile Worker goes on, by the events it emits. */
export interface PoolEvents {
  /** Until it shuts down. */
  readonly fetchesJobs: boolean;
  /** Its shutdown is what the worker wants. */
  expectShutdown(): void;
}

export interface PoolEventsOptions {
  readonly observer: Pick<PoolObserver, "onFatal">;
  /** From now on the pool hears of new jobs. */
  readonly onListening: () => void;
}

export function observePool(events: WorkerEvents, { observer, onListening }: PoolEventsOptions): PoolEvents {
  let fetchesJobs = true;
  let isExpected = false;
  events.on("pool:gracefulShutdown", () => {
    fetchesJobs = false;
    if (isExpected) return;
    // Whoever starts the pool again decides whether the process has failed.
    if (process.exitCode === exitCodeOfMigration) process.exitCode = undefined;
    observer.onFatal(
      new Error("Graphile Worker has shut its pool down: its tables were migrated, or it could not go on."),
    );
  });
  events.on("pool:forcefulShutdown", () => (fetchesJobs = false));
  events.on("pool:listen:success", ({ client }) => onceItListens(client, onListening));
  events.on("pool:fatalError", ({ error }) => observer.onFatal(error));

  return {
    get fetchesJobs() {
      return fetchesJobs;
    },
    expectShutdown() {
      isExpected = true;
    },
  };
}

/** A job that was added while nobody listened has been announced to nobody: fetch once as soon as somebody does. */
function onceItListens(client: PoolClient, fetch: () => void): void {
  // The event comes just before LISTEN is sent; this query waits in line behind it.
  setImmediate(() => {
    client.query("select").then(
      fetch,
      // The pool notices the lost connection by itself, and listens again.
      () => undefined,
    );
  });
}
