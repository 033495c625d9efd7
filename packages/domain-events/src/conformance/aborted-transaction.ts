import { describe, expect, it } from "vitest";
import { TransactionAbortedError } from "../errors.ts";
import type { Transaction } from "../transaction/transaction-adapter.ts";
import { isQuestion } from "./change-commit.ts";
import { durably, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld, type World } from "./world.ts";

/** PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, which is no error. */
export function describeAbortedTransaction<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a transaction that PostgreSQL has aborted", () => {
    it("rejects after a swallowed query error, and publishes nothing", async () => {
      await using world = await createWorld(tested);
      world.bus.register(Happened, durably(world.store));

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await swallowedError(world, tx);
      });

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(world.handled).toEqual([]);
      expect([...(await world.stored()), ...(await world.stored("durable_rows"))]).toEqual([]);
    });

    it("is detected by the guard", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await swallowedError(world, tx);
      });

      await expect(running).rejects.toMatchObject({ cause: { code: "25P02" } });
    });

    it("rejects also when nothing was recorded", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(({ tx }) => swallowedError(world, tx));

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(await world.stored()).toEqual([]);
    });

    it("rejects because of the command tag when a query fails between the guard and COMMIT", async () => {
      await using world = await createWorld(tested, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            if (isQuestion(options)) return transaction;
            return { ...transaction, pipelineCommit: () => undefined, query: failingAfterGuard(transaction) };
          },
        }),
      });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toThrow(/answered ROLLBACK to COMMIT/);
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it.each([1, 0])("throws the constraint's error when one fails at COMMIT, with %i events", async (count) => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        for (let n = 0; n < count; n += 1) record(happened(n));
        await tested.query(tx, "insert into checked_late values (1), (1)");
      });

      await expect(running).rejects.toMatchObject({ code: "23505" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });
}

async function swallowedError<Tx>(world: World<Tx>, tx: Tx): Promise<void> {
  await world.insert(tx, 1);
  await world.insert(tx, 1).catch(() => {});
}

/** The guard answers as ever; then a query of the work fails that nobody awaits. */
function failingAfterGuard<Tx>(transaction: Transaction<Tx>): Transaction<Tx>["query"] {
  return async (text, values) => {
    const answer = await transaction.query(text, values);
    if (text.includes("pg_current_xact_id_if_assigned")) {
      await transaction.query("select 1 / 0").catch(() => {});
    }
    return answer;
  };
}
