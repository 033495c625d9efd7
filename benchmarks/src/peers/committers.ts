import { randomUUID } from "node:crypto";
import {
  createEventBus,
  createUnitOfWork,
  defineEvent,
  type EventBus,
  props,
  type TransactionAdapter,
} from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs, defineTask, type Jobs } from "@acme/jobs";
import { knex as createKnex, Pool } from "../engine.ts";
import { numbered, silentLogger } from "./acme.ts";
import { addJobSql } from "./graphile-worker.ts";
import { taskName } from "./job-queue.ts";

export class RowInserted extends defineEvent("bench.row-inserted", props<{ n: number }>()) {}

export type Driver = "pg" | "knex";
/** `row`: a row as the outbox has it, written by hand in the unit. */
export type Follows = "nothing" | "afterCommit" | "durable" | "row";

/** Where to commit, and on how many connections at once. */
export interface CommitPlace {
  readonly driver: Driver;
  readonly url: string;
  readonly connections: number;
}

/** Inserts one row in a transaction of its own, and whatever belongs to it. */
export interface Committer {
  commit(n: number): Promise<unknown>;
  /** How many afterCommit handlers have run. */
  readonly handledCount: number;
  close(): Promise<void>;
}

const insertSql = "insert into rows (n) values ($1)";

const rowSql = "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values ($1, $2, $3, false)";

/** @param adds whether the transaction also adds a job, by hand. */
export function bareCommitter({ driver, url, connections }: CommitPlace, adds: boolean): Committer {
  const max = Math.max(2, connections);
  if (driver === "pg") {
    const pool = new Pool({ connectionString: url, max });
    return {
      handledCount: 0,
      async commit(n) {
        const client = await pool.connect();
        try {
          await client.query("begin");
          await client.query(insertSql, [n]);
          if (adds) await client.query(addJobSql, [taskName, { n }]);
          await client.query("commit");
        } catch (error) {
          await client.query("rollback");
          throw error;
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    };
  }
  const knex = createKnex({ client: "pg", connection: url, pool: { min: 0, max } });
  return {
    handledCount: 0,
    commit: (n) =>
      knex.transaction(async (trx) => {
        await trx("rows").insert({ n });
        if (adds) await trx.raw("select graphile_worker.add_job(?, ?::json)", [taskName, JSON.stringify({ n })]);
      }),
    close: () => knex.destroy(),
  };
}

/** @param jobsUrl another database for the jobs: they go through the outbox then. */
export async function acmeCommitter(
  { driver, url, connections }: CommitPlace,
  follows: Follows,
  jobsUrl?: string,
): Promise<Committer> {
  const max = Math.max(2, connections);
  const jobs = follows === "durable" ? await openJobs(url, jobsUrl) : undefined;
  if (driver === "pg") {
    const pool = new Pool({ connectionString: url, max });
    const unit = createUnit(pgTransactions(pool), follows, jobs);
    return unit.committer(
      async (tx, n) => {
        await tx.query(insertSql, [n]);
        if (follows === "row") await tx.query(rowSql, rowOf(n));
      },
      () => pool.end(),
    );
  }
  const knex = createKnex({ client: "pg", connection: url, pool: { min: 0, max } });
  const unit = createUnit(knexTransactions(knex), follows, jobs);
  return unit.committer(
    async (tx, n) => {
      await tx("rows").insert({ n });
      const [id, task, payload] = rowOf(n);
      if (follows === "row") await tx("acme_jobs.outbox").insert({ id, task, payload, preserve_run_at: false });
    },
    () => knex.destroy(),
  );
}

function rowOf(n: number): [id: string, task: string, payload: string] {
  return [randomUUID(), taskName, JSON.stringify({ n })];
}

async function openJobs(url: string, jobsUrl: string | undefined): Promise<Jobs> {
  const jobs = createJobs(
    jobsUrl === undefined
      ? { connection: url, logger: silentLogger }
      : { connection: jobsUrl, outbox: { connection: url }, logger: silentLogger },
  );
  await jobs.migrate();
  return jobs;
}

function createUnit<Tx>(adapter: TransactionAdapter<Tx>, follows: Follows, jobs: Jobs | undefined) {
  const bus: EventBus<Tx> = createEventBus<Tx>({ logger: silentLogger });
  let handledCount = 0;
  if (follows === "afterCommit") bus.register(RowInserted, () => void handledCount++);
  if (jobs !== undefined) {
    const task = defineTask(taskName, { payload: numbered });
    bus.register(
      RowInserted,
      jobs.durable(task, ({ n }: RowInserted) => ({ n })),
    );
  }
  const unitOfWork = createUnitOfWork(adapter, { bus });
  return {
    committer(insert: (tx: Tx, n: number) => PromiseLike<unknown>, close: () => Promise<void>): Committer {
      return {
        get handledCount() {
          return handledCount;
        },
        commit: (n) =>
          unitOfWork.run(async ({ tx, record }) => {
            await insert(tx, n);
            if (follows === "afterCommit" || follows === "durable") record(new RowInserted({ n }));
          }),
        async close() {
          await jobs?.close();
          await close();
        },
      };
    },
  };
}
