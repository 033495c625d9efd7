import { describe, expect, it } from "vitest";
import { CommitOutcomeUnknownError } from "../errors.ts";
import type { Transaction } from "../transaction/transaction-adapter.ts";
import { isQuestion } from "./change-commit.ts";
import { happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

type Query = Transaction<unknown>["query"];

const changed =
  (row: Record<string, unknown>) =>
  (query: Query): Query =>
  async (text, values) => {
    const { rows } = await query(text, values);
    return { rows: rows.map((found) => ({ ...found, ...row })) };
  };

const withStandbys = changed({ hasStandbys: true });

const forgottenId = changed({ status: null });

const futureId =
  (query: Query): Query =>
  (text, values) =>
    text.includes("pg_xact_status") ? query(text, [String(2 ** 40 + 1_000)]) : query(text, values);

/** A lost COMMIT is asked about, and not every server can tell. */
export function describeAskedCommit<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a connection lost during COMMIT", () => {
    it.each([
      { how: "is in the future there: it was lost", answers: futureId, said: "rejected" },
      { how: "is asked about on a standby", answers: fromStandby, said: "unknown" },
      { how: "is asked about in another cluster", answers: fromElsewhere, said: "unknown" },
      { how: "is asked about on an old primary that was left behind", answers: fromOldPrimary, said: "unknown" },
      { how: "is asked about on another server of the cluster", answers: fromSibling, said: "unknown" },
      { how: "is too old to tell", answers: forgottenId, said: "unknown" },
    ])("is not published when the transaction's id $how", async ({ answers, said }) => {
      // Where no answer can come it waits all that time; where one comes, a busy machine may take more than a moment for it.
      await using world = await createWorld(tested, { outcomeTimeoutMs: said === "unknown" ? 300 : 10_000 });
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          const transaction = await begin(...args);
          return isQuestion(...args) ? { ...transaction, query: answers(transaction.query) } : transaction;
        },
      });
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      const end = running.then(
        () => "resolved",
        (error: unknown) => (error instanceof CommitOutcomeUnknownError ? "unknown" : "rejected"),
      );
      expect(await end).toBe(said);
      expect(world.handled).toEqual([]);
    });

    it("gives every connection back when the standbys of a COMMIT cannot be asked", async () => {
      await using world = await createWorld(tested, { outcomeTimeoutMs: 1_000 });
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          const transaction = await begin(...args);
          if (isQuestion(...args)) return { ...transaction, query: withStandbys(transaction.query) };
          if (args[0].mark !== undefined) return transaction;
          return { ...transaction, query: () => transaction.query("select no_such_function()") };
        },
      });
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "set local synchronous_commit = on");
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.inUseCount()).toBe(0);
    });

    it("does not trust what another server answered on the same connection, as behind a pooler", async () => {
      let unitCount = 0;
      await using world = await createWorld(tested, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            if (isQuestion(options)) return transaction;
            unitCount += 1;
            return unitCount === 1 ? transaction : onAnotherServer(transaction);
          },
        }),
      });
      await world.unitOfWork.run(({ record }) => record(happened(1)));
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 2);
        record(happened(2));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([1]);
    });
  });
}

const fromStandby = changed({ isStandby: true });

const fromElsewhere = changed({ databaseId: "7" });

const fromOldPrimary = changed({ timeline: "00000000" });

const fromSibling = changed({ startedAt: "7" });

function onAnotherServer<Tx>(transaction: Transaction<Tx>): Transaction<Tx> {
  return {
    ...transaction,
    pipelineCommit: () => undefined,
    async query(text, values) {
      const { rows } = await transaction.query(text, values);
      if (!text.includes("as proof")) return { rows };
      const [id, mark, , ...rest] = String(rows[0]?.["proof"]).split("|");
      return { rows: [{ proof: [id, mark, "7", ...rest].join("|") }] };
    },
  };
}
