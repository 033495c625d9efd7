import { randomUUID } from "node:crypto";
import type { RunnerOptions } from "graphile-worker";
import { Pool } from "../engine.ts";
import { type JobQueue, taskName } from "./job-queue.ts";

/** `equal`: as ours runs it. `best`: as its documentation on performance advises. */
export type GraphileSettings = "equal" | "best";

const presets: Record<GraphileSettings, NonNullable<NonNullable<RunnerOptions["preset"]>["worker"]>> = {
  equal: { completeJobBatchDelay: 0, failJobBatchDelay: 0, localQueue: { size: 100, ttl: 1_000 } },
  best: { completeJobBatchDelay: 0, failJobBatchDelay: 0, localQueue: { size: 500 } },
};

const batching = "completeJobBatchDelay 0, failJobBatchDelay 0";
export const graphileSettings: Record<GraphileSettings, string> = {
  equal: `${batching}, localQueue: { size: 100, ttl: 1000 }`,
  best: `${batching}, localQueue: { size: 500 }`,
};

export const addJobSql = "select graphile_worker.add_job($1, $2::json)";
const addJobsSql =
  "select count(*) from graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))";

const addJobWithIdSql = "select graphile_worker.add_job($1, $2::json, flags := array[$3])";

/** @param withIds whether each job is given a UUID in a flag, where ours has its id: what that costs, whoever does it. */
export function graphileQueue(
  settings: GraphileSettings,
  name = "graphile-worker",
  { withIds = false }: { withIds?: boolean } = {},
): JobQueue {
  const specOf = (n: number) => ({
    identifier: taskName,
    payload: { n },
    ...(withIds && { flags: [randomUUID()] }),
  });
  return {
    name,
    package: "graphile-worker",
    async prepare(databaseUrl) {
      const { Logger, runMigrations } = await import("graphile-worker");
      await runMigrations({ connectionString: databaseUrl, logger: new Logger(() => () => undefined) });
    },
    async open(_world, databaseUrl) {
      const pool = new Pool({ connectionString: databaseUrl, max: 12 });
      pool.on("error", () => undefined);
      pool.on("connect", (client) => client.on("error", () => undefined));
      return {
        enqueue: (n) =>
          withIds
            ? pool.query(addJobWithIdSql, [taskName, { n }, randomUUID()])
            : pool.query(addJobSql, [taskName, { n }]),
        enqueueMany: (numbers) => pool.query(addJobsSql, [JSON.stringify(numbers.map(specOf))]),
        async startWorker(handle, { concurrency }) {
          const { Logger, run } = await import("graphile-worker");
          const runner = await run({
            pgPool: pool,
            concurrency,
            pollInterval: 1_000,
            noHandleSignals: true,
            parsedCronItems: [],
            logger: new Logger(() => () => undefined),
            preset: { worker: presets[settings] },
            taskList: { [taskName]: (payload) => handle((payload as { n: number }).n) },
          });
          return { stop: () => runner.stop() };
        },
        remaining: () => countJobs(pool),
        [Symbol.asyncDispose]: () => pool.end(),
      };
    },
  };
}

export async function countJobs(pool: InstanceType<typeof Pool>): Promise<number> {
  const { rows } = await pool.query<{ count: number }>("select count(*)::int as count from graphile_worker.jobs");
  return rows[0]?.count ?? NaN;
}
