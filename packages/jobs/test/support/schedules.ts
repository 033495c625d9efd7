import type pg from "pg";
import { z } from "zod";
import { defineTask, perform, retry } from "../../src/index.ts";

/** A task whose payload says for which tick it is. */
export const report = defineTask("report", { payload: z.object({ at: z.string() }), retry: retry.never });

export const everyMinute = { every: { minutes: 1 }, payload: ({ at }: { at: Date }) => ({ at: at.toISOString() }) };

/** Notes what ran: the tick, and the key that the run had. */
export function ledger() {
  const ran: { readonly at: string; readonly key: string }[] = [];
  return {
    ran,
    performed: perform(report, ({ at }, { idempotencyKey }) => void ran.push({ at, key: idempotencyKey })),
  };
}

/** As if minutes had passed, by the clock of the schedules. */
export async function passMinutes(pool: pg.Pool, minutes: number): Promise<void> {
  await pool.query(
    "update acme_jobs.schedules set next_at = next_at - $1 * interval '1 minute', last_tick_at = last_tick_at - $1 * interval '1 minute'",
    [minutes],
  );
}

/** The row of a schedule, with times as ISO texts. */
export async function scheduleRow(pool: pg.Pool, name = "report") {
  const { rows } = await pool.query("select * from acme_jobs.schedules where name = $1", [name]);
  return rows[0];
}

/** Ticks of the jobs that wait, by their payloads, in the order in which the jobs begin. */
export async function waitingTicks(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query(
    `select payload ->> 'at' as at from graphile_worker._private_jobs as job
     join graphile_worker._private_tasks as task on task.id = task_id where identifier = 'report' order by run_at, job.id`,
  );
  return rows.map(({ at }) => at);
}
