import { countUpBy } from "./count-up.ts";
import { describe, expect, it } from "vitest";
import { gate, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What is no reason to run the work again, and when that ends. */
export function describeRetryLimits<Tx>(tested: TestedAdapter<Tx>): void {
  const countUp = countUpBy(tested);

  describe("a serialization failure", () => {
    it("of another system does not count: the unit does not run again", async () => {
      await using world = await createWorld(tested);
      let runs = 0;

      const running = world.unitOfWork.run(() => {
        runs += 1;
        throw Object.assign(new Error("somebody else's"), { code: "40001" });
      });

      await expect(running).rejects.toThrow("somebody else's");
      expect(runs).toBe(1);
    });

    it("that a savepoint has survived does not make a unit run again whose COMMIT was lost", async () => {
      await using world = await createWorld(tested, { max: 2, outcomeTimeoutMs: 300 });
      let runs = 0;
      void world.proxy.dropCommitReply().then(() => world.proxy.refuseConnections());

      const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        runs += 1;
        record(happened(runs));
        await world.insert(tx, runs);
        await savepoint(() =>
          tested.query(tx, "do $$ begin raise exception 'as if' using errcode = '40P01'; end $$"),
        ).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(runs).toBe(1);
    });

    it("is the error of the unit once the attempts are used up", async () => {
      await using world = await createWorld(tested, { retry: { attempts: 5 } });
      let runs = 0;

      const running = world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(happened(runs));
          await countUp(world, tx, { disturbed: true });
        },
        { isolation: "repeatable read", retry: { attempts: 2 } },
      );

      await expect(running).rejects.toMatchObject({ code: "40001" });
      expect(runs).toBe(2);
      expect(world.handled).toEqual([]);
    });
  });

  it("a deadlock runs one of the two again", async () => {
    await using world = await createWorld(tested, { max: 2, retry: { attempts: 10 } });
    const [first, second] = [gate(), gate()];
    let runs = 0;

    async function lockBoth([one, other]: readonly string[], mine: typeof first, theirs: typeof first): Promise<void> {
      await world.unitOfWork.run(async ({ tx, record }) => {
        runs += 1;
        await tested.query(tx, "set local deadlock_timeout = '20ms'");
        await tested.query(tx, `update counters set value = value + 1 where id = '${one}'`);
        mine.open();
        await theirs.opened;
        await tested.query(tx, `update counters set value = value + 1 where id = '${other}'`);
        record(happened(1));
      });
    }
    await Promise.all([lockBoth(["a", "b"], first, second), lockBoth(["b", "a"], second, first)]);

    // More than three when the one that runs again is faster to its row than the one that waits for it.
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(world.handled).toEqual([1, 1]);
  });
}
