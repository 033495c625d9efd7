import { describe, expect, it } from "vitest";
import { CommitOutcomeUnknownError } from "../errors.ts";
import type { Transaction } from "../transaction/transaction-adapter.ts";
import { isQuestion } from "./change-commit.ts";
import { durably, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** The connection is lost, or late, while COMMIT is on its way. */
export function describeLostCommit<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a connection lost during COMMIT", () => {
    it("returns the result and publishes once when only the reply was lost", async () => {
      await using world = await createWorld(tested);
      const dropped = world.proxy.dropCommitReply();

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      await dropped;
      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it("rejects and publishes nothing when COMMIT never reached the server", async () => {
      await using world = await createWorld(tested);
      const cut = world.proxy.cutBeforeCommit();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.not.toBeInstanceOf(CommitOutcomeUnknownError);
      await cut;
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("returns the result and publishes once when the driver timed out while COMMIT succeeded", async () => {
      await using world = await createWorld(tested, { queryTimeoutMs: 300 });
      await world.unitOfWork.run(() => "tried out");
      const reply = world.proxy.holdCommitReply();
      let askedCount = 0;
      const { begin } = world.adapter;
      Object.assign(world.adapter, {
        begin: (...args: Parameters<typeof begin>) => {
          if (isQuestion(...args)) askedCount += 1;
          return begin(...args);
        },
      });

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      // Once: the connection that no longer answers was not asked.
      expect(askedCount).toBe(1);
      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      reply.release();
    });

    it("is given up after commitTimeoutMs if COMMIT is never answered, and the database is asked about the COMMIT", async () => {
      await using world = await createWorld(tested, { commitTimeoutMs: 300 });
      await world.unitOfWork.run(() => "tried out");
      const reply = world.proxy.holdCommitReply();

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(world.inUseCount()).toBe(0);
      reply.release();
    });

    it.each([
      { fault: "dropCommitReply" as const, stored: [1] },
      { fault: "cutBeforeCommit" as const, stored: [] },
    ])(
      "says that the outcome is unknown when the database cannot be asked, and durable rows tell the truth: $fault",
      async ({ fault, stored }) => {
        await using world = await createWorld(tested, { outcomeTimeoutMs: 300 });
        world.bus.register(Happened, durably(world.store));
        void world.proxy[fault]().then(() => world.proxy.refuseConnections());

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
        });

        await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
        expect(world.handled).toEqual([]);
        expect(world.wakeCount()).toBe(1);
        expect(await world.stored()).toEqual(stored);
        expect(await world.stored("durable_rows")).toEqual(stored);
      },
    );

    it("keeps asking while the database is unreachable, up to outcomeTimeoutMs", async () => {
      await using world = await createWorld(tested);
      let asked = 0;
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          if (!isQuestion(...args)) return begin(...args);
          asked += 1;
          if (asked < 3) throw new Error("unreachable");
          const transaction = await begin(...args);
          return asked === 3 ? { ...transaction, query: inProgress(transaction) } : transaction;
        },
      });
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      expect(asked).toBe(4);
      expect(world.handled).toEqual([1]);
    });
  });
}

/** As if the old backend were still at its COMMIT. */
function inProgress<Tx>(transaction: Transaction<Tx>): Transaction<Tx>["query"] {
  return async (text, values) =>
    text.includes("pg_xact_status") ? { rows: [{ status: "in progress" }] } : transaction.query(text, values);
}
