import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { beforeCommit } from "../../src/index.ts";
import { createWorld, gate, Happened, happened, type TestedDriver, type World } from "./world.ts";

export function describeRetries<Tx>(driver: TestedDriver<Tx>): void {
  /** Fails with 40001 when somebody else changes the counter after the work has taken its snapshot. */
  async function countUp(world: World<Tx>, tx: Tx, { disturbed }: { disturbed: boolean }): Promise<void> {
    await driver.query(tx, "select * from counters");
    if (disturbed) await world.admin.query("update counters set value = value + 1 where id = 'a'");
    await driver.query(tx, "update counters set value = value + 10 where id = 'a'");
  }

  describe(`${driver.name}: a serialization failure`, () => {
    it("runs the whole work again, with no events left from the run before", async () => {
      await using world = await createWorld(driver);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(happened(runs));
          await countUp(world, tx, { disturbed: runs === 1 });
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("runs the work again also when it appears at COMMIT", async () => {
      await using world = await createWorld(driver);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          await driver.query(tx, "select value from counters where id = 'a'");
          await driver.query(tx, "update counters set value = 1 where id = 'b'");
          record(happened(runs));
          if (runs === 1) await writeSkew(world);
        },
        { isolation: "serializable" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("reaches the retry from a beforeCommit handler, too", async () => {
      await using world = await createWorld(driver);
      let runs = 0;
      world.bus.register(
        Happened,
        beforeCommit((_event, { tx }) => countUp(world, tx, { disturbed: runs === 1 })),
      );

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          await driver.query(tx, "select * from counters");
          record(happened(runs));
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("reaches the retry from a joined run whose error was swallowed", async () => {
      await using world = await createWorld(driver);
      let runs = 0;

      await world.unitOfWork.run(
        async () => {
          runs += 1;
          const joined = world.unitOfWork.run(({ tx }) => countUp(world, tx, { disturbed: runs === 1 }));
          await joined.catch(() => {});
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
    });

    it.each([
      {
        how: "an error of an ORM, with the original as its cause",
        wrap: (cause: unknown) => new Error("query failed", { cause }),
      },
      { how: "an error that says nothing of it", wrap: () => new Error("could not place the order") },
      { how: "no error at all", wrap: () => undefined },
    ])("reaches the retry however the work has wrapped it: $how", async ({ wrap }) => {
      await using world = await createWorld(driver);
      let runs = 0;

      await world.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(happened(runs));
          await countUp(world, tx, { disturbed: runs === 1 }).catch((error: unknown) => {
            const wrapped = wrap(error);
            if (wrapped) throw wrapped;
          });
        },
        { isolation: "repeatable read" },
      );

      expect(runs).toBe(2);
      expect(world.handled).toEqual([2]);
    });

    it("of another system does not count: the unit does not run again", async () => {
      await using world = await createWorld(driver);
      let runs = 0;

      const running = world.unitOfWork.run(() => {
        runs += 1;
        throw Object.assign(new Error("somebody else's"), { code: "40001" });
      });

      await expect(running).rejects.toThrow("somebody else's");
      expect(runs).toBe(1);
    });

    it("that a savepoint has survived does not make a unit run again whose COMMIT was lost", async () => {
      await using world = await createWorld(driver, { max: 2, outcomeTimeoutMs: 300 });
      let runs = 0;
      void world.proxy.dropCommitReply().then(() => world.proxy.refuseConnections());

      const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        runs += 1;
        record(happened(runs));
        await world.insert(tx, runs);
        await savepoint(() =>
          driver.query(tx, "do $$ begin raise exception 'as if' using errcode = '40P01'; end $$"),
        ).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(runs).toBe(1);
    });

    it("is the error of the unit once the attempts are used up", async () => {
      await using world = await createWorld(driver, { retry: { attempts: 5 } });
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

  it(`${driver.name}: a deadlock runs one of the two again`, async () => {
    await using world = await createWorld(driver, { max: 2, retry: { attempts: 10 } });
    const [first, second] = [gate(), gate()];
    let runs = 0;

    async function lockBoth(one: string, other: string, mine: typeof first, theirs: typeof first): Promise<void> {
      await world.unitOfWork.run(async ({ tx, record }) => {
        runs += 1;
        await driver.query(tx, "set local deadlock_timeout = '20ms'");
        await driver.query(tx, `update counters set value = value + 1 where id = '${one}'`);
        mine.open();
        await theirs.opened;
        await driver.query(tx, `update counters set value = value + 1 where id = '${other}'`);
        record(happened(1));
      });
    }
    await Promise.all([lockBoth("a", "b", first, second), lockBoth("b", "a", second, first)]);

    // More than three when the one that runs again is faster to its row than the one that waits for it.
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(world.handled).toEqual([1, 1]);
  });

  describe(`${driver.name}: an aborted signal`, () => {
    it("rolls back before COMMIT, with the signal's reason", async () => {
      await using world = await createWorld(driver);
      const controller = new AbortController();
      const reason = new Error("too late");

      const running = world.unitOfWork.run(
        async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
          controller.abort(reason);
        },
        { signal: controller.signal },
      );

      await expect(running).rejects.toBe(reason);
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("ends the wait for a connection at once, runs no work, and gives the connection back when it comes", async () => {
      await using world = await createWorld(driver);
      await world.unitOfWork.run(() => "tried out");
      const { opened, open } = gate();
      const controller = new AbortController();
      let ran = false;
      const first = world.unitOfWork.run(() => opened);
      const second = world.unitOfWork.run(() => (ran = true), { signal: controller.signal });

      controller.abort(new Error("too late"));

      await expect(second).rejects.toThrow("too late");
      open();
      await first;
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      await expect.poll(() => world.inUseCount()).toBe(0);
      expect(ran).toBe(false);
    });

    it("rolls back also when it comes while the guard waits", async () => {
      const controller = new AbortController();
      await using world = await createWorld(driver, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            return {
              ...transaction,
              pipelineCommit: () => undefined,
              async query(text, values) {
                const answer = await transaction.query(text, values);
                if (options.watch && text.includes("as proof")) controller.abort(new Error("too late"));
                return answer;
              },
            };
          },
        }),
      });

      const running = world.unitOfWork.run(
        async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
        },
        { signal: controller.signal },
      );

      await expect(running).rejects.toThrow("too late");
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("may be shared by many units, which add one listener and remove it when they have ended", async () => {
      await using world = await createWorld(driver, { max: 2 });
      const { signal } = new AbortController();
      const { opened, open } = gate();
      const running = Promise.all(Array.from({ length: 30 }, () => world.unitOfWork.run(() => opened, { signal })));

      await expect.poll(() => world.inUseCount()).toBe(2);
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      open();
      await running;
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    });

    it("begins no transaction if it was aborted before", async () => {
      await using world = await createWorld(driver);
      let ran = false;

      const running = world.unitOfWork.run(() => (ran = true), { signal: AbortSignal.abort(new Error("never")) });

      await expect(running).rejects.toThrow("never");
      expect(ran).toBe(false);
    });
  });
}

/** Reads what the unit writes, writes what it has read, and commits first. */
async function writeSkew<Tx>(world: World<Tx>): Promise<void> {
  const client = await world.admin.connect();
  await client.query("begin isolation level serializable");
  await client.query("select value from counters where id = 'b'");
  await client.query("update counters set value = 1 where id = 'a'");
  await client.query("commit");
  client.release();
}
