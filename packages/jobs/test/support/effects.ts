import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import type { Pool } from "pg";

/** Rows of a table that would take each of them twice, written in a unit of work. */
export function effectsIn(pool: Pool) {
  const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus: createEventBus() });
  return {
    async createTables(): Promise<void> {
      await pool.query("create table effects (n int not null)");
      await unitOfWork.migrate();
    },
    /** Resolves with whether it was written; `beforeCommit` may hold or fail it. */
    async writeOnce(key: string, n: number, beforeCommit = async (): Promise<unknown> => undefined): Promise<boolean> {
      const { ran } = await unitOfWork.runOnce(key, async ({ tx }) => {
        await tx.query("insert into effects values ($1)", [n]);
        await beforeCommit();
      });
      return ran;
    },
    async written(): Promise<number[]> {
      const { rows } = await pool.query<{ n: number }>("select n from effects order by n");
      return rows.map(({ n }) => n);
    },
  };
}
