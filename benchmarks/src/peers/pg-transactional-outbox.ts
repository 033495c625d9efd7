import { setTimeout as pause } from "node:timers/promises";
import type { PollingListenerConfig } from "pg-transactional-outbox";
import type { Measure, World } from "../benchmark.ts";
import { Pool } from "../engine.ts";
import { freshDatabase, withClient } from "../servers/databases.ts";
import { prepareAcme } from "./acme.ts";
import { addJobSql } from "./graphile-worker.ts";
import { taskName } from "./job-queue.ts";
import { countOf } from "./relays.ts";

const batchSize = 50;
const setup = {
  outboxOrInbox: "outbox" as const,
  database: "postgres",
  schema: "public",
  table: "outbox",
  listenerRole: "postgres",
  nextMessagesName: "next_outbox_messages",
};

export const transactionalOutboxSettings = `polling listener, parallel messages, batches of ${batchSize} from the start, polled every 10 ms, without poison and attempt protection; add_job as its handler`;

/** Its listener as a relay: each message of the one database is a job in the other. */
export function measureTransactionalOutbox(rowCount: number) {
  return (world: World): Promise<Measure> =>
    Promise.resolve({
      async run() {
        await using data = await freshDatabase(world, "messages", prepareOutbox);
        await using jobs = await freshDatabase(world, "jobs", prepareAcme);
        await withClient(data.url, async (client) => {
          await client.query(
            `insert into outbox (id, aggregate_type, aggregate_id, message_type, concurrency, payload)
             select gen_random_uuid(), 'bench', n::text, 'bench', 'parallel', json_build_object('n', n)
             from generate_series(1, $1) as n`,
            [rowCount],
          );
          await client.query("vacuum (analyze)");
        });
        const startedAt = performance.now();
        await moveAll(data.url, jobs.url);
        const seconds = (performance.now() - startedAt) / 1000;
        const moved = await countOf(jobs.url, "graphile_worker.jobs");
        if (moved !== rowCount) throw new Error(`${moved} rows of ${rowCount} have arrived`);
        return { rate: rowCount / seconds };
      },
    });
}

async function prepareOutbox(url: string): Promise<void> {
  const { DatabaseSetup } = await import("pg-transactional-outbox");
  await withClient(url, async (client) => {
    await client.query(DatabaseSetup.dropAndCreateTable(setup));
    await client.query(DatabaseSetup.createPollingFunction(setup));
    await client.query(DatabaseSetup.setupPollingIndexes(setup));
  });
}

async function moveAll(dataUrl: string, jobsUrl: string): Promise<void> {
  const { getDisabledLogger, initializePollingMessageListener } = await import("pg-transactional-outbox");
  const target = new Pool({ connectionString: jobsUrl, max: 10 });
  const connection = { connectionString: dataUrl, max: 20 };
  const config: PollingListenerConfig = {
    outboxOrInbox: "outbox",
    dbListenerConfig: connection,
    settings: {
      dbSchema: "public",
      dbTable: "outbox",
      enableMaxAttemptsProtection: false,
      enablePoisonousMessageProtection: false,
      nextMessagesFunctionName: setup.nextMessagesName,
      nextMessagesBatchSize: batchSize,
      nextMessagesPollingIntervalInMs: 10,
    },
  };
  const [shutdown] = initializePollingMessageListener(
    config,
    { handle: async ({ payload }) => void (await target.query(addJobSql, [taskName, payload])) },
    getDisabledLogger(),
    { batchSizeStrategy: () => Promise.resolve(batchSize) },
  );
  const waiting = "(select 1 from outbox where processed_at is null limit 1) as waiting";
  while ((await countOf(dataUrl, waiting)) > 0) await pause(10);
  await shutdown();
  await target.end();
}
