import type pg from "pg";

export interface Pools {
  readonly app: pg.Pool;
  readonly jobs: pg.Pool;
}

const lookEveryMs = 200;

/** Waits until no outbox row and no job is left. @returns whether that came to pass in time */
export async function drain(
  pools: Pools,
  withinMs: number,
  pause: (ms: number) => Promise<void>,
): Promise<{ readonly isDrained: boolean; readonly tookMs: number }> {
  const startedAt = performance.now();
  for (;;) {
    const isDrained =
      (await countRows(pools.app, "acme_jobs.outbox")) + (await countRows(pools.jobs, "graphile_worker.jobs")) === 0;
    const tookMs = Math.round(performance.now() - startedAt);
    if (isDrained || tookMs > withinMs) return { isDrained, tookMs };
    await pause(lookEveryMs);
  }
}

async function countRows(pool: pg.Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`select count(*)::int as count from ${table}`);
  return rows[0]?.count ?? 0;
}
