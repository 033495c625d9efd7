import { AsyncResource } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { AggregateRoot, createUnitOfWork, runOutsideUnits, type TransactionAdapter } from "../../src/index.ts";
import { createWorld, durably, gate, Happened, happened, type TestedDriver } from "./world.ts";

class Counter extends AggregateRoot {
  count(n: number): void {
    this.record(happened(n));
  }
}

/** Which scope a call belongs to is said by who calls, not by what happens to be open. */
export function describeCallersScope<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a run() or publish() beside an open savepoint`, () => {
    it("is refused, so its rows and events are not lost with the savepoint", async () => {
      await using world = await createWorld(driver);
      const [inside, tried] = [gate(), gate()];
      const open = { code: "SAVEPOINT_OPEN" };

      await world.unitOfWork.run(async ({ savepoint }) => {
        const part = savepoint(async () => {
          inside.open();
          await tried.opened;
          throw new Error("boom");
        });
        await inside.opened;
        await expect(world.unitOfWork.run(({ record }) => record(happened(1)))).rejects.toMatchObject(open);
        await expect(world.bus.publish(happened(2))).rejects.toMatchObject(open);
        tried.open();
        await part.catch(() => {});
        await world.unitOfWork.run(({ record }) => record(happened(3)));
      });

      expect(world.handled).toEqual([3]);
    });

    it("that is not awaited rolls the unit back, since a part of it would be outside", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      let joined: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        joined = world.unitOfWork.run(async () => {
          await opened;
          await world.insert(tx, 2);
        });
        joined.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "RUN_OPEN" });
      open();
      await expect(joined).rejects.toThrow(/ended|already complete/);
      expect(await world.stored()).toEqual([]);
    });
  });

  describe(`${driver.name}: a call that comes while durable rows are being written`, () => {
    it("is refused, whatever it is", async () => {
      await using world = await createWorld(driver);
      const refused: unknown[] = [];
      let callLate = async (): Promise<void> => {};
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(requests, transaction) {
            const receipt = await world.store.write(requests, transaction);
            await callLate();
            return receipt;
          },
        },
      });

      await world.unitOfWork.run((context) => {
        context.record(happened(1));
        const late = [
          () => context.record(happened(2)),
          () => context.track(new Counter()),
          () => context.savepoint(() => {}),
          () => world.bus.publish(happened(3)),
          () => world.unitOfWork.run(({ record }) => record(happened(4))),
        ];
        callLate = AsyncResource.bind(async () => {
          for (const call of late) {
            await (async () => call())().catch((error: { code: string }) => refused.push(error.code));
          }
        });
      });

      expect(refused).toEqual(Array.from({ length: 5 }, () => "UNIT_ENDED"));
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([]);
    });

    it("rolls the unit back if it is a statement, since recorded events may be about its rows", async () => {
      await using world = await createWorld(driver);
      let sendLate = async (): Promise<unknown> => undefined;
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(requests, transaction) {
            await world.store.write(requests, transaction);
            await sendLate().catch(() => {});
            return undefined;
          },
        },
      });

      const running = world.unitOfWork.run(({ tx, record }) => {
        record(happened(1));
        sendLate = AsyncResource.bind(async () => world.insert(tx, 1));
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "UNIT_ENDED" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored("durable_rows")).toEqual([]);
    });

    it("rolls the unit back when it is a durable handler that publishes instead of returning a request", async () => {
      await using world = await createWorld(driver);
      world.bus.register(Happened, {
        ...durably(world.store),
        toRequest: ({ n }) => {
          if (n === 1) void world.bus.publish(happened(2)).catch(() => {});
          return n;
        },
      });
      let refusal: unknown;
      world.bus.register(Happened, {
        ...durably(world.store),
        toRequest: ({ n }) => {
          refusal = world.bus.publish(happened(2)).then(
            () => "published",
            (error: { code: string }) => error.code,
          );
          return n;
        },
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(await refusal).toBe("UNIT_ENDED");
      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a unit on another database`, () => {
    it("runs its handlers outside of the unit around it, so what they publish does not depend on how that unit ends", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      world.bus.register(Happened, async ({ n }) => {
        if (n === 1) await world.bus.publish(happened(2));
      });

      const running = world.unitOfWork.run(async () => {
        await unitThere.run(async ({ tx, record }) => {
          await other.insert(tx, 1);
          record(happened(1));
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await other.stored()).toEqual([1]);
      expect(world.handled).toEqual([1, 2]);
    });
  });

  describe(`${driver.name}: runOutsideUnits`, () => {
    it("starts a transaction of its own, which is stored even if the unit around it rolls back", async () => {
      await using world = await createWorld(driver, { max: 2 });

      const running = world.unitOfWork.run(async () => {
        await runOutsideUnits(() =>
          world.unitOfWork.run(async ({ tx, record }) => {
            await world.insert(tx, 1);
            record(happened(1));
          }),
        );
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it("keeps what it starts out of every later unit, too", async () => {
      await using world = await createWorld(driver, { max: 2 });
      const [go, done] = [gate(), gate()];

      const running = world.unitOfWork.run(async () => {
        runOutsideUnits(() => {
          void (async () => {
            await go.opened;
            await world.unitOfWork.run(({ tx }) => world.insert(tx, 1));
            done.open();
          })();
        });
        go.open();
        await done.opened;
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await world.stored()).toEqual([1]);
    });
  });

  describe(`${driver.name}: a run that joins through another adapter over the same pool`, () => {
    it("gets the tx of its own adapter", async () => {
      await using world = await createWorld(driver);
      const wrapped = createUnitOfWork(wrapTx(world.adapter), { bus: world.bus as never });

      await world.unitOfWork.run(async ({ tx, record }) => {
        await wrapped.run(async ({ tx: { inner } }) => {
          expect(inner).toBe(tx);
          await world.insert(inner, 1);
        });
        record(happened(1));
      });
      await wrapped.run(async () => {
        await world.unitOfWork.run(({ tx }) => world.insert(tx, 2));
      });

      expect(await world.stored()).toEqual([1, 2]);
    });

    it("is refused when its adapter cannot make a tx", async () => {
      await using world = await createWorld(driver);
      const { adopt: _, ...rest } = wrapTx(world.adapter);
      const wrapped = createUnitOfWork<{ inner: Tx }>(rest, { bus: world.bus as never });

      const running = world.unitOfWork.run(() => wrapped.run(() => {}));

      await expect(running).rejects.toMatchObject({ code: "JOINED_ADAPTER" });
    });
  });

  describe(`${driver.name}: an aggregate`, () => {
    it("is refused by a second unit while a first unit tracks it, and is free once the first unit has ended", async () => {
      await using world = await createWorld(driver, { max: 2 });
      const counter = new Counter();
      const { opened, open } = gate();
      const tracked = gate();
      const first = world.unitOfWork.run(async ({ track }) => {
        track(counter).count(1);
        tracked.open();
        await opened;
      });
      await tracked.opened;
      const second = world.unitOfWork.run(({ track }) => track(counter).count(2));

      await expect(second).rejects.toMatchObject({ code: "AGGREGATE_TRACKED" });
      open();
      await first;
      await world.unitOfWork.run(({ track }) => track(counter).count(3));

      expect(world.handled).toEqual([1, 3]);
    });

    it.each([
      { how: "throws", pullEvents: () => fail() },
      { how: "is asynchronous", pullEvents: async () => [] },
      { how: "returns nothing", pullEvents: () => undefined },
    ])(
      "whose pullEvents() $how fails the unit, which is rolled back and leaves nothing behind",
      async ({ pullEvents }) => {
        await using world = await createWorld(driver);
        for (let run = 0; run < 3; run += 1) {
          const running = world.unitOfWork.run(async ({ tx, track }) => {
            await world.insert(tx, 1);
            track({ pullEvents: pullEvents as unknown as () => object[] });
          });
          await expect(running).rejects.toThrow(/pullEvents/);
        }

        expect(world.inUseCount()).toBe(0);
        expect(await world.stored()).toEqual([]);
        const { rows } = await world.admin.query(
          "select from pg_stat_activity where state like 'idle in transaction%' and application_name = 'unit'",
        );
        expect(rows).toEqual([]);
      },
    );

    it("that is changed by code that has outlived its savepoint rolls the unit back, since the rows of that code are refused", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();

      const running = world.unitOfWork.run(async ({ tx, track, savepoint }) => {
        const counter = track(new Counter());
        await world.insert(tx, 1);
        let late: Promise<void> | undefined;
        await savepoint(async () => {
          late = opened.then(() => counter.count(2));
          await Promise.reject(new Error("boom"));
        }).catch(() => {});
        open();
        await expect(late).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_ENDED" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("that is changed after its events were collected is refused, and rolls the unit back if COMMIT has not been sent", async () => {
      await using world = await createWorld(driver);
      const [writing, changed] = [gate(), gate()];
      const store = {
        ...world.store,
        async write() {
          writing.open();
          await changed.opened;
          return undefined;
        },
      };
      world.bus.register(Happened, durably(store));
      const counter = new Counter();
      let late: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx, track, record }) => {
        track(counter);
        record(happened(1));
        await world.insert(tx, 1);
        late = writing.opened.then(() => counter.count(2)).finally(changed.open);
        late.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "UNIT_ENDED" } });
      await expect(late).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect([world.handled, await world.stored(), counter.pullEvents()]).toEqual([[], [], []]);
    });

    it("cannot be changed by code that has outlived its unit, since a later unit would publish the event", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      const counter = new Counter();
      let late: Promise<void> | undefined;

      const running = world.unitOfWork.run(async ({ tx, track }) => {
        track(counter);
        await world.insert(tx, 1);
        late = opened.then(() => counter.count(1));
        late.catch(() => {});
        throw new Error("boom");
      });
      await expect(running).rejects.toThrow("boom");
      open();
      await expect(late).rejects.toMatchObject({ code: "UNIT_ENDED" });
      await world.unitOfWork.run(({ track }) => void track(counter));

      expect(world.handled).toEqual([]);
    });

    it("whose pullEvents() fails in a savepoint rolls the whole unit back, since events of other aggregates are lost", async () => {
      await using world = await createWorld(driver);
      const counter = new Counter();

      const running = world.unitOfWork.run(async ({ track, savepoint }) => {
        track(counter).count(1);
        await savepoint(({ track: trackInside }) => {
          trackInside({ pullEvents: () => fail() });
        }).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED" });
      expect(world.handled).toEqual([]);
    });
  });
}

function fail(): never {
  throw new Error("pullEvents() failed");
}

function wrapTx<Tx>(adapter: TransactionAdapter<Tx>): TransactionAdapter<{ inner: Tx }> {
  return {
    database: adapter.database,
    async begin(options) {
      const transaction = await adapter.begin(options);
      return { ...transaction, tx: { inner: transaction.tx } };
    },
    adopt: async (handle) => ({ inner: (await adapter.adopt?.(handle)) as Tx }),
  };
}
