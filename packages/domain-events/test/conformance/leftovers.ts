import { describe, expect, it } from "vitest";
import { createUnitOfWork } from "../../src/index.ts";
import { createWorld, durably, gate, Happened, happened, type TestedDriver } from "./world.ts";

/** What goes on, or is left open, when the part of the work that it belongs to is over. */
export function describeLeftovers<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a branch that goes on when its unit has been undone`, () => {
    it("publishes nothing and begins no unit of its own, since it may be about data that is gone", async () => {
      await using world = await createWorld(driver, { max: 2 });
      const { opened, open } = gate();
      let branch: Promise<unknown[]> | undefined;

      const running = world.unitOfWork.run(async ({ tx }) => {
        branch = (async () => {
          await world.insert(tx, 1);
          await opened;
          return [
            await codeOf(world.bus.publish(happened(1))),
            await codeOf(world.bus.publishAll([happened(1)])),
            await codeOf(world.unitOfWork.run(({ record }) => record(happened(2)))),
          ];
        })();
        await Promise.all([branch, Promise.reject(new Error("boom"))]);
      });

      await expect(running).rejects.toThrow("boom");
      open();
      expect(await branch).toEqual(["UNIT_ENDED", "UNIT_ENDED", "UNIT_ENDED"]);
      expect(world.handled).toEqual([]);
    });

    it("publishes nothing of an attempt after which the work has run again", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      const late: Promise<unknown>[] = [];
      let runs = 0;

      await world.unitOfWork.run(async ({ tx, record }) => {
        runs += 1;
        record(happened(runs));
        if (runs > 1) return;
        late.push(opened.then(() => codeOf(world.bus.publish(happened(99)))));
        await driver.query(tx, "do $$ begin raise exception 'as if' using errcode = '40001'; end $$");
      });

      open();
      expect(await Promise.all(late)).toEqual(["UNIT_ENDED"]);
      expect(world.handled).toEqual([2]);
    });

    it("does not record in the unit around it, on another database", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      const { opened, open } = gate();

      await world.unitOfWork.run(async () => {
        let branch: Promise<unknown> | undefined;
        const running = unitThere.run(() => {
          branch = opened.then(() => codeOf(world.bus.publish(happened(1))));
          throw new Error("boom");
        });
        await running.catch(() => {});
        open();
        expect(await branch).toBe("UNIT_ENDED");
      });

      expect(world.handled).toEqual([]);
    });
  });

  describe(`${driver.name}: units on two databases, one inside the other`, () => {
    it("record an event in the unit that the publishing code has joined, not in the innermost unit", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(async () => {
        await unitThere.run(async () => {
          await world.unitOfWork.run(async ({ tx }) => {
            await world.insert(tx, 1);
            await world.bus.publish(happened(1));
          });
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(await world.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });

    it("are both there for code in a savepoint of the outer one", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(({ savepoint }) =>
        unitThere.run(async () => {
          await savepoint(() =>
            unitThere.run(async ({ tx, record }) => {
              await other.insert(tx, 2);
              record(happened(2));
            }),
          );
          throw new Error("boom");
        }),
      );

      await expect(running).rejects.toThrow("boom");
      expect(await other.stored()).toEqual([]);
      expect(world.handled).toEqual([]);
    });
  });

  describe(`${driver.name}: a savepoint inside one that has failed`, () => {
    it("ends with it, and refuses later statements and events", async () => {
      await using world = await createWorld(driver);
      const [inside, failed] = [gate(), gate()];
      const refused: unknown[] = [];

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        let inner: Promise<unknown> | undefined;
        await savepoint(async (outer) => {
          inner = outer.savepoint(async (context) => {
            inside.open();
            await failed.opened;
            refused.push(await codeOf((async () => context.record(happened(1)))()));
            refused.push(await codeOf(world.insert(tx, 1)));
          });
          await Promise.all([inner, inside.opened.then(() => Promise.reject(new Error("boom")))]);
        }).catch(() => {});
        failed.open();
        await expect(inner).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
        await world.insert(tx, 2);
        record(happened(2));
      });

      expect(refused).toEqual(["SAVEPOINT_ENDED", "SAVEPOINT_ENDED"]);
      expect(world.handled).toEqual([2]);
      expect(await world.stored()).toEqual([2]);
    });
  });

  describe(`${driver.name}: a savepoint`, () => {
    it("waits for anything awaitable that its work returns", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ savepoint, tx, record }) => {
        await savepoint(() => ({
          // oxlint-disable-next-line unicorn/no-thenable -- as a query builder has one.
          then: (resolve, reject) => world.insert(tx, 1).then(() => resolve?.(undefined as never), reject),
        }));
        record(happened(1));
      });

      expect(await world.stored()).toEqual([1]);
      expect(world.handled).toEqual([1]);
    });

    it("is rolled back with its unit if a statement was refused while its RELEASE was running", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ savepoint, tx }) => {
        await savepoint(({ record }) => {
          record(happened(1));
          setImmediate(() => void world.insert(tx, 1).catch(() => {}));
        });
        await driver.query(tx, "select pg_sleep(0.02)");
      });

      const outcome = await codeOf(running);
      expect(await world.stored()).toEqual(world.handled);
      expect(["accepted", "UNIT_DOOMED", "SAVEPOINT_ENDED"]).toContain(outcome);
    });
  });

  describe(`${driver.name}: a connection that a unit opens inside another one`, () => {
    it("runs its callbacks outside of that unit once the unit has ended", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });
      const running = world.unitOfWork.run(async () => {
        await unitThere.run(() => "opened");
        throw new Error("boom");
      });
      await expect(running).rejects.toThrow("boom");

      const style = driver.callbackStyles[0];
      const published = unitThere.run(
        ({ tx }) =>
          new Promise((resolve) => style?.call(tx, () => void codeOf(world.bus.publish(happened(1))).then(resolve))),
      );

      expect(await published).toBe("accepted");
      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a call in the moment between the work and its COMMIT`, () => {
    it("is recorded and published, or refused; never stored without its event", async () => {
      await using world = await createWorld(driver);
      const recorded: number[] = [];
      const end = { isReached: false };

      const running = world.unitOfWork.run(({ tx, record }) => {
        record(happened(0));
        void (async () => {
          for (let n = 1; n < 200 && !end.isReached; n += 1) {
            await Promise.resolve();
            record(happened(n));
            recorded.push(n);
            world.insert(tx, n).catch(() => {});
          }
        })().catch(() => {});
      });

      const outcome = await codeOf(running);
      end.isReached = true;
      const published = new Set(world.handled);
      expect((await world.stored()).filter((n) => !published.has(n))).toEqual([]);
      const lost = outcome === "accepted" ? recorded.filter((n) => !published.has(n)) : [];
      expect(lost).toEqual([]);
    });
  });

  describe(`${driver.name}: a connection whose transaction may be open`, () => {
    it.each(["commit", "rollback"])("is not handed out again when the driver itself fails at %s", async (end) => {
      let failsNext = false;
      await using world = await createWorld(driver, {
        onClient(client) {
          const { query } = client;
          client.query = ((...args: unknown[]) => {
            const text = typeof args[0] === "string" ? args[0] : (args[0] as { text?: string }).text;
            if (!failsNext || !new RegExp(`^${end}`, "i").test(text ?? "")) return Reflect.apply(query, client, args);
            failsNext = false;
            const failure = new Error("instrumentation failed");
            const callback = args.find((arg) => typeof arg === "function") as ((error: Error) => void) | undefined;
            if (!callback) return Promise.reject(failure);
            process.nextTick(callback, failure);
            return undefined;
          }) as never;
        },
      });
      await world.unitOfWork.run(() => "tried out");

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        failsNext = true;
        if (end === "rollback") throw new Error("boom");
      });

      await expect(running).rejects.toThrow(/boom|unknown|could not say/i);
      await world.unitOfWork.run(({ tx }) => world.insert(tx, 2));
      expect(await world.stored()).toEqual([2]);
    });
  });

  describe(`${driver.name}: a durable handler`, () => {
    it("that answers with a promise is refused", async () => {
      await using world = await createWorld(driver);
      world.bus.register(Happened, { ...durably(world.store), toRequest: () => Promise.reject(new Error("boom")) });

      const running = world.unitOfWork.run(({ record }) => record(happened(1)));

      await expect(running).rejects.toMatchObject({ code: "HANDLER_INVALID" });
      expect(world.handled).toEqual([]);
    });
  });
}

function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "accepted",
    (error: { code?: unknown }) => error.code,
  );
}
