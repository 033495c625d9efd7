import { type JobQueue, taskName } from "./job-queue.ts";

/** A batch is one fetch and one completion; handlers of a batch run side by side. */
const batchOf = (concurrency: number) => ({ batchSize: Math.ceil(concurrency / 2), localConcurrency: 2 });

export const pgBossSettings =
  "useListenNotify, queue notify, burstWhenBatchFull, 2 workers with batches of half the concurrency, pollingIntervalSeconds 0.5";

export const pgBossQueue: JobQueue = {
  name: "pg-boss",
  package: "pg-boss",
  async prepare(databaseUrl) {
    const { PgBoss } = await import("pg-boss");
    const boss = new PgBoss({ connectionString: databaseUrl });
    boss.on("error", () => undefined);
    await boss.start();
    await boss.createQueue(taskName, { notify: true });
    await boss.stop({ graceful: true });
  },
  async open(_world, databaseUrl) {
    const { PgBoss } = await import("pg-boss");
    const boss = new PgBoss({ connectionString: databaseUrl, useListenNotify: true, max: 12 });
    boss.on("error", () => undefined);
    await boss.start();
    return {
      enqueue: (n) => boss.send(taskName, { n }),
      enqueueMany: (numbers) =>
        boss.insert(
          taskName,
          numbers.map((n) => ({ data: { n } })),
        ),
      async startWorker(handle, { concurrency }) {
        await boss.work<{ n: number }>(
          taskName,
          { ...batchOf(concurrency), burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
          async (jobs) => {
            await Promise.all(jobs.map(async ({ data }) => handle(data.n)));
          },
        );
        return { stop: () => boss.offWork(taskName, { wait: true }) };
      },
      async remaining() {
        const [row] = await count(boss, "select count(*)::int as count from pgboss.job where state < 'completed'");
        return row?.count ?? NaN;
      },
      [Symbol.asyncDispose]: () => boss.stop({ graceful: true, timeout: 5_000 }),
    };
  },
};

async function count(
  boss: { getDb(): { executeSql(sql: string, values: unknown[]): Promise<{ rows: unknown[] }> } },
  sql: string,
) {
  const { rows } = await boss.getDb().executeSql(sql, []);
  return rows as { count: number }[];
}
