import { createJobs, type Jobs, type PerformableTask, type Worker } from "@acme/jobs";
import { Pool } from "pg";
import { createShopTasks, sendReceipt } from "./shop-tasks.ts";

/** The service of the exercise: its jobs, its data in the same database, and two workers. */
export interface Shop extends AsyncDisposable {
  readonly url: string;
  readonly jobs: Jobs;
  readonly pool: Pool;
  /** Starts those that do not run: "receipts" for receipts alone, and "shop" for all else. */
  startWorkers(): Promise<void>;
  stopWorkers(names?: readonly WorkerName[]): Promise<void>;
  /** How many effects of a task there are. */
  doneCount(task: string): Promise<number>;
}

const workerNames = ["receipts", "shop"] as const;
export type WorkerName = (typeof workerNames)[number];

export function isWorkerName(name: unknown): name is WorkerName {
  return workerNames.some((each) => each === name);
}

const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Creates the tables, and starts both workers. */
export async function openShop(url: string): Promise<Shop> {
  const pool = new Pool({ connectionString: url });
  pool.on("error", nothing);
  const jobs = createJobs({ connection: url, logger: silent });
  await jobs.migrate();
  await pool.query(`
    create schema shop;
    create table shop.done (task text, what text, primary key (task, what));
    create table shop.outages (upstream text primary key);
  `);
  const workers = new Map<WorkerName, Worker>();
  const shop: Shop = {
    url,
    jobs,
    pool,
    async startWorkers() {
      for (const [name, tasks] of tasksByWorker(createShopTasks(pool))) {
        if (!workers.has(name)) workers.set(name, await jobs.startWorker({ tasks, name }));
      }
    },
    async stopWorkers(names = workerNames) {
      for (const name of names) {
        await workers.get(name)?.stop();
        workers.delete(name);
      }
    },
    async doneCount(task) {
      const { rows } = await pool.query<{ count: number }>(
        "select count(*)::int as count from shop.done where task = $1",
        [task],
      );
      return rows[0]?.count ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await shop.stopWorkers();
      await jobs.close();
      await pool.end();
    },
  };
  await shop.startWorkers();
  return shop;
}

function tasksByWorker(tasks: readonly PerformableTask[]): readonly (readonly [WorkerName, PerformableTask[]])[] {
  return [
    ["receipts", tasks.filter(isReceipt)],
    ["shop", tasks.filter((task) => !isReceipt(task))],
  ];
}

function isReceipt({ task }: PerformableTask): boolean {
  return task.name === sendReceipt.name;
}

function nothing(): void {}
