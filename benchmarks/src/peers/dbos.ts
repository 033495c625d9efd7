import type { DBOSConfig } from "@dbos-inc/dbos-sdk";
import { withClient } from "../servers/databases.ts";
import { type Handler, type JobQueue, taskName } from "./job-queue.ts";

const application = "benchmarks";
const version = "1";
const pollingMs = 10;

export const dbosSettings = `registerQueue with minPollingIntervalMs ${pollingMs} and workerConcurrency, systemDatabasePoolSize 20, LISTEN/NOTIFY`;

let handle: Handler = () => undefined;

/** One per process: DBOS keeps its workflows and its connection in statics. */
let registered = false;

export const dbosQueue: JobQueue = {
  name: "dbos",
  package: "@dbos-inc/dbos-sdk",
  async prepare(databaseUrl) {
    const { DBOS } = await import("@dbos-inc/dbos-sdk");
    registerOnce(DBOS);
    DBOS.setConfig(configOf(databaseUrl));
    await DBOS.launch();
    await DBOS.shutdown();
  },
  async open(_world, databaseUrl) {
    const { DBOS, DBOSClient } = await import("@dbos-inc/dbos-sdk");
    const client = await DBOSClient.create({
      systemDatabaseUrl: databaseUrl,
      systemDatabasePoolSize: 20,
      applicationName: application,
    });
    const enqueue = (n: number) =>
      client.enqueue({ queueName: taskName, workflowName: taskName, appVersion: version }, n);
    return {
      enqueue,
      // It has no call for many; as many at a time as the pool has connections are the fastest there is.
      async enqueueMany(numbers) {
        const left = numbers.values();
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            for (const n of left) await enqueue(n);
          }),
        );
      },
      async startWorker(given, { concurrency }) {
        handle = given;
        registerOnce(DBOS);
        DBOS.setConfig(configOf(databaseUrl));
        await DBOS.launch();
        await DBOS.registerQueue(taskName, {
          minPollingIntervalMs: pollingMs,
          workerConcurrency: concurrency,
          onConflict: "always_update",
        });
        return { stop: () => DBOS.shutdown({ workflowCompletionTimeoutMS: 10_000 }) };
      },
      remaining: () =>
        withClient(databaseUrl, async (postgres) => {
          const { rows } = await postgres.query<{ count: number }>(
            "select count(*)::int as count from dbos.workflow_status where status <> 'SUCCESS'",
          );
          return rows[0]?.count ?? NaN;
        }),
      [Symbol.asyncDispose]: () => client.destroy(),
    };
  },
};

function registerOnce({
  registerWorkflow,
}: {
  registerWorkflow: typeof import("@dbos-inc/dbos-sdk").DBOS.registerWorkflow;
}) {
  if (registered) return;
  registered = true;
  registerWorkflow(async (n: number) => handle(n), { name: taskName });
}

function configOf(systemDatabaseUrl: string): DBOSConfig {
  return {
    name: application,
    applicationVersion: version,
    systemDatabaseUrl,
    systemDatabasePoolSize: 20,
    useListenNotify: true,
    logLevel: "error",
  };
}
