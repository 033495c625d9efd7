import { type JobQueue, taskName } from "./job-queue.ts";

/**
 * `batches`: one fetch for many jobs, whose handlers run side by side; each job has an outcome of its own, as with
 * everybody else. `single`: as its documentation begins, a worker for each job that may run at the same time.
 */
type PgBossMode = "batches" | "single";

const modes = {
  batches: (concurrency: number) => ({ batchSize: Math.ceil(concurrency / 2), localConcurrency: 2 }),
  single: (concurrency: number) => ({ batchSize: 1, localConcurrency: concurrency }),
};

// Where it listens for new jobs it looks for waiting ones every 30 s only, unless it is told otherwise.
const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 };
const commonSettings = "useListenNotify and queue notify, both polling intervals 0.5 s, the shortest";
export const pgBossSettings: Record<PgBossMode, string> = {
  batches: `${commonSettings}, 2 workers with batches of half the concurrency, perJobResults, burstWhenBatchFull`,
  single: `${commonSettings}, localConcurrency as the others' concurrency, no batches`,
};

export const pgBossQueue = (mode: PgBossMode, name = "pg-boss"): JobQueue => ({
  name,
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
          { ...modes[mode](concurrency), ...polling, perJobResults: true, burstWhenBatchFull: true },
          (jobs) =>
            Promise.all(
              jobs.map(async ({ id, data }) => {
                await handle(data.n);
                return { id, status: "completed" as const };
              }),
            ),
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
});

async function count(
  boss: { getDb(): { executeSql(sql: string, values: unknown[]): Promise<{ rows: unknown[] }> } },
  sql: string,
) {
  const { rows } = await boss.getDb().executeSql(sql, []);
  return rows as { count: number }[];
}
