import type { WorkerEvents } from "graphile-worker";
import type { PoolClient } from "pg";
import type { PoolObserver } from "./pool-observer.ts";

/** The exit code that Graphile Worker sets when its tables are migrated. */
const exitCodeOfMigration = 57;

/** Whether a pool of Graphile Worker still runs, by the events it emits. */
export interface PoolEvents {
  /** Whether the pool fetches jobs: until it shuts down. */
  readonly fetchesJobs: boolean;
  /** Call it before a shutdown that the worker wants. */
  expectShutdown(): void;
}

export interface PoolEventsOptions {
  readonly observer: Pick<PoolObserver, "onFatal">;
  /** Called when the pool listens for new jobs. */
  readonly onListening: () => void;
}

export function observePool(events: WorkerEvents, { observer, onListening }: PoolEventsOptions): PoolEvents {
  let fetchesJobs = true;
  let isExpected = false;
  events.on("pool:gracefulShutdown", () => {
    fetchesJobs = false;
    if (isExpected) return;
    // Whether the process has failed is for the supervisor to decide, which starts the pool again.
    if (process.exitCode === exitCodeOfMigration) process.exitCode = undefined;
    observer.onFatal(
      new Error("Graphile Worker has shut its pool down, because its tables were migrated or it could not go on."),
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

/** Fetches once when the pool begins to listen, because it was not notified of jobs that were added before. */
function onceItListens(client: PoolClient, fetch: () => void): void {
  // The event comes just before LISTEN is sent; this query waits in line behind it.
  setImmediate(() => {
    client.query("select").then(
      fetch,
      // The connection is lost. The pool notices that itself, and listens again.
      () => undefined,
    );
  });
}
