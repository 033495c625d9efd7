import { describe, expect, it } from "vitest";
import { CommitOutcomeUnknownError, TransactionAbortedError } from "../errors.ts";
import { happened } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld, type World } from "./world.ts";

/** The connection is lost before the server has answered COMMIT. */
export function describeLostConnection<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a connection lost during COMMIT", () => {
    it("rejects when the backend is terminated in the middle of COMMIT", async () => {
      await using world = await createWorld(tested);
      await using lock = await holdLock(world);
      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "insert into slow_to_commit values (1)");
        record(happened(1));
      });
      running.catch(() => {});
      await eventually(() => lock.hasWaiter()).toBe(true);

      await world.terminateUnits();

      await expect(running).rejects.not.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
    });
  });

  describe("a connection lost before COMMIT", () => {
    it("rejects, and neither hangs nor ends the process, when the backend dies between two statements", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await world.insert(tx, 1);
        await world.terminateUnits();
        await world.insert(tx, 2);
      });

      await expect(running).rejects.toThrow(/terminat|not queryable/i);
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("rejects, and knows that nothing was committed, when the backend died and the work swallowed the error", async () => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        await world.terminateUnits();
        await world.insert(tx, 2).catch(() => {});
      });

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(await world.stored()).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it.each([
      { impatience: "the driver loses patience", queryTimeoutMs: 200 },
      { impatience: "only the rollback does", queryTimeoutMs: undefined },
    ])("throws the error of the work when the network has gone silent and $impatience", async ({ queryTimeoutMs }) => {
      await using world = await createWorld(tested, queryTimeoutMs === undefined ? {} : { queryTimeoutMs });
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        world.proxy.goSilent();
        if (queryTimeoutMs !== undefined) await world.insert(tx, 2).catch(() => {});
        throw boom;
      });

      await expect(running).rejects.toBe(boom);
      expect(world.inUseCount()).toBe(0);
      world.proxy.resume();
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });
}

/** Holds the lock that a COMMIT of `slow_to_commit` waits for. */
async function holdLock<Tx>(world: World<Tx>): Promise<AsyncDisposable & { hasWaiter: () => Promise<boolean> }> {
  const client = await world.admin.connect();
  await client.query("select pg_advisory_lock(1)");
  return {
    async hasWaiter() {
      const { rowCount } = await world.admin.query("select from pg_locks where locktype = 'advisory' and not granted");
      return (rowCount ?? 0) > 0;
    },
    async [Symbol.asyncDispose]() {
      await client.query("select pg_advisory_unlock_all()");
      client.release();
    },
  };
}
