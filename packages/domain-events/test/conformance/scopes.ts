import { describe, expect, it } from "vitest";
import { AggregateRoot, createUnitOfWork, type DurableTransaction, type UnitContext } from "../../src/index.ts";
import { createWorld, durably, gate, Happened, happened, type TestedDriver } from "./world.ts";

class Counter extends AggregateRoot {
  count(n: number): void {
    this.record(happened(n));
  }
}

export function describeScopes<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a savepoint`, () => {
    it("drops its rows and its events when it rolls back, and leaves its siblings in order", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await savepoint(async (inner) => {
          inner.record(happened(2));
          await world.insert(tx, 2);
          await world.insert(tx, 2);
        }).catch(() => {});
        await savepoint(async (inner) => {
          inner.record(happened(3));
          await world.insert(tx, 3);
        });
        record(happened(4));
      });

      expect(world.handled).toEqual([1, 3, 4]);
      expect(await world.stored()).toEqual([3]);
    });

    it("publishes nothing when it is released and the unit rolls back", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ savepoint }) => {
        await savepoint(({ record }) => record(happened(1)));
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
    });

    it("drops an inner savepoint that was released when it rolls back", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await savepoint(async (middle) => {
          await middle.savepoint(async (inner) => {
            inner.record(happened(2));
            await world.insert(tx, 2);
          });
          throw new Error("boom");
        }).catch(() => {});
        record(happened(3));
      });

      expect(world.handled).toEqual([1, 3]);
      expect(await world.stored()).toEqual([]);
    });

    it("rejects after a swallowed query error, and the unit goes on without it", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async (inner) => {
          inner.record(happened(1));
          await world.insert(tx, 1);
          await world.insert(tx, 1).catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "25P02" });
        record(happened(2));
      });

      expect(world.handled).toEqual([2]);
    });

    it("lets what is recorded after it wait for the commit", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ record, savepoint }) => {
        await savepoint(() => {});
        record(happened(1));
        await savepoint(() => {});
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1]);
    });

    it("takes with it what came after an older one of that name, where one of the work's own could not be set", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "savepoint a");
        record(happened(1));
        await world.insert(tx, 1);
        await driver.query(tx, "select 1/0").catch(() => {});
        await driver.query(tx, "savepoint a").catch(() => {});
        await driver.query(tx, "rollback to a");
      });

      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("refuses recording, tracking and a second savepoint on the scope around it while it is open", async () => {
      await using world = await createWorld(driver);
      const open = { code: "SAVEPOINT_OPEN" };

      await world.unitOfWork.run(async ({ record, track, savepoint }) => {
        await savepoint(async () => {
          expect(() => record(happened(1))).toThrow(expect.objectContaining(open));
          expect(() => track(new Counter())).toThrow(expect.objectContaining(open));
          await expect(savepoint(() => {})).rejects.toMatchObject(open);
        });
        await Promise.allSettled([savepoint((inner) => inner.record(happened(2))), savepoint(() => {})]);
      });

      expect(world.handled).toEqual([2]);
    });

    it("refuses a stream of a sibling, which then ends with the error", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(({ savepoint, tx }) =>
        savepoint(() => driver.stream(tx, "select 1", () => {}).catch((error: unknown) => error)),
      );
      const refused = world.unitOfWork.run(async ({ savepoint, tx }) => {
        const { opened, open } = gate();
        const part = savepoint(() => opened);
        const streamed = await driver.stream(tx, "select 1", () => {}).catch((error: unknown) => error);
        open();
        await part;
        throw streamed;
      });

      await expect(running).resolves.toBeUndefined();
      await expect(refused).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
    });

    it("ends a savepoint inside it that was not awaited", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      let inner: Promise<void> | undefined;

      await world.unitOfWork.run(async ({ tx, record, track, savepoint }) => {
        const counter = track(new Counter());
        const part = savepoint((outer) => {
          inner = outer.savepoint(async (context) => {
            await opened;
            await world.insert(context.tx, 1);
          });
          inner.catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
        counter.count(2);
        open();
        await expect(inner).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
        record(happened(3));
        await world.insert(tx, 2);
      });

      expect(world.handled).toEqual([2, 3]);
      expect(await world.stored()).toEqual([2]);
    });

    it("rolls the unit back when the work returns without awaiting it", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      let part: Promise<void> | undefined;

      const running = world.unitOfWork.run(({ savepoint, record }) => {
        record(happened(1));
        part = savepoint(() => opened);
        part.catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
      open();
      await expect(part).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });

  describe(`${driver.name}: an aggregate`, () => {
    it("is drained once, however often it is tracked", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(({ track }) => {
        const counter = track(track(new Counter()));
        counter.count(1);
      });

      expect(world.handled).toEqual([1]);
    });

    it("has its events published in the order of recording, across aggregates and direct ones", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ track, record, savepoint }) => {
        const [a, b] = [track(new Counter()), track(new Counter())];
        b.count(1);
        a.count(2);
        b.count(3);
        record(happened(4));
        a.count(5);
        await savepoint((inner) => {
          b.count(6);
          inner.record(happened(7));
          a.count(8);
        });
        b.count(9);
      });

      expect(world.handled).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it("loses what it records in a savepoint that rolls back, and keeps what it had recorded before", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ track, savepoint }) => {
        const outer = track(new Counter());
        outer.count(1);
        await savepoint((inner) => {
          outer.count(2);
          inner.track(new Counter()).count(3);
          throw new Error("boom");
        }).catch(() => {});
        outer.count(4);
      });

      expect(world.handled).toEqual([1, 4]);
    });

    it("that hands over what its parts have recorded is asked each time, since its parts do not tell", async () => {
      await using world = await createWorld(driver);
      class Line extends AggregateRoot {
        add(n: number): void {
          this.record(happened(n));
        }
      }
      class Order extends AggregateRoot {
        readonly line = new Line();

        override pullEvents(): object[] {
          return [...super.pullEvents(), ...this.line.pullEvents()];
        }
      }
      const order = new Order();

      await world.unitOfWork.run(async ({ tx, track, savepoint }) => {
        track(order);
        await savepoint(() => {});
        await world.insert(tx, 1);
        order.line.add(1);
        await savepoint(async ({ tx: inner }) => {
          await world.insert(inner, 2);
          order.line.add(2);
        });
        await savepoint(async ({ tx: inner }) => {
          await world.insert(inner, 666);
          order.line.add(666);
          throw new Error("boom");
        }).catch(() => {});
      });
      await world.unitOfWork.run(({ track }) => track(order));

      expect([world.handled, await world.stored()]).toEqual([
        [1, 2],
        [1, 2],
      ]);
    });

    it("leaks nothing into the next unit after a rollback", async () => {
      await using world = await createWorld(driver);
      const [kept, inner] = [new Counter(), new Counter()];

      await world.unitOfWork
        .run(async ({ track, savepoint }) => {
          track(kept).count(1);
          await savepoint((part) => {
            part.track(inner);
            throw new Error("boom");
          }).catch(() => {});
          inner.count(2);
          throw new Error("boom");
        })
        .catch(() => {});
      await world.unitOfWork.run(({ track }) => {
        track(inner);
        track(kept).count(3);
      });

      expect(world.handled).toEqual([3]);
    });

    it("must have pullEvents()", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(({ track }) => void track({} as Counter));

      await expect(running).rejects.toMatchObject({ code: "AGGREGATE_INVALID" });
    });
  });

  describe(`${driver.name}: a run inside a run`, () => {
    it("joins it, even on a pool of one", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await world.unitOfWork.run(async (inner) => {
          expect(inner.tx).toBe(tx);
          inner.record(happened(2));
          await world.insert(inner.tx, 2);
        });
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1, 2]);
      expect(await world.stored()).toEqual([2]);
    });

    it("rolls the whole unit back when it rejects, even if the error is swallowed", async () => {
      await using world = await createWorld(driver);
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        await world.unitOfWork.run(() => Promise.reject(boom)).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: boom });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("rolls back only the savepoint it has joined", async () => {
      await using world = await createWorld(driver);
      const boom = new Error("boom");

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async (inner) => {
          inner.record(happened(1));
          await world.insert(tx, 1);
          await world.unitOfWork.run(() => Promise.reject(boom)).catch(() => {});
        });
        await expect(part).rejects.toMatchObject({ code: "SAVEPOINT_DOOMED", cause: boom });
        record(happened(2));
      });

      expect(world.handled).toEqual([2]);
      expect(await world.stored()).toEqual([]);
    });

    it("may run twice at the same time", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(() =>
        Promise.all(
          [1, 2].map((n) =>
            world.unitOfWork.run(async ({ tx, record }) => {
              await world.insert(tx, n);
              record(happened(n));
            }),
          ),
        ),
      );

      expect(world.handled).toEqual([1, 2]);
      expect(await world.stored()).toEqual([1, 2]);
    });

    it("refuses options of its own, and a key", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ savepoint }) => {
        const joined = { code: "JOINED_OPTIONS" };
        for (const options of [{ isolation: "serializable" as const }, { retry: { attempts: 1 } }]) {
          await expect(world.unitOfWork.run(() => {}, options)).rejects.toMatchObject(joined);
        }
        await savepoint(async () => {
          await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject(joined);
        });
      });
    });

    it("takes a signal of its own, which rolls back the whole unit when it is aborted", async () => {
      await using world = await createWorld(driver);
      const reason = new Error("too late");

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        await world.unitOfWork.run(() => {}, {});
        await world.unitOfWork.run(() => {}, { signal: new AbortController().signal, isolation: undefined });
        await world.unitOfWork.run(() => {}, { signal: AbortSignal.abort(reason) }).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: reason });
      expect(await world.stored()).toEqual([]);
    });

    it("is independent on another database, also when both publish on one bus", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);
      const unitThere = createUnitOfWork(other.adapter, { bus: world.bus });

      const running = world.unitOfWork.run(async ({ record }) => {
        record(happened(1));
        await unitThere.run(async ({ tx }) => {
          await other.insert(tx, 2);
        });
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
      expect(await other.stored()).toEqual([2]);
    });

    it("is independent on another bus, and may join from there", async () => {
      await using world = await createWorld(driver);
      await using other = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ record }) => {
        record(happened(1));
        await other.unitOfWork.run(async ({ tx, record: recordThere }) => {
          await other.insert(tx, 2);
          recordThere(happened(2));
          await world.unitOfWork.run((joined) => joined.record(happened(3)));
        });
        expect(other.handled).toEqual([2]);
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect(world.handled).toEqual([]);
      expect(await other.stored()).toEqual([2]);
    });
  });

  describe(`${driver.name}: publishing inside a unit`, () => {
    it("means recording, in the scope that is open", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ savepoint }) => {
        await world.bus.publish(happened(1));
        await savepoint(async () => {
          await world.bus.publishAll([happened(2)]);
          throw new Error("boom");
        }).catch(() => {});
        await world.bus.publishAll([happened(3), happened(4)]);
        expect(world.handled).toEqual([]);
      });

      expect(world.handled).toEqual([1, 3, 4]);
    });

    it("publishes nothing when the unit rolls back", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork
        .run(async () => {
          await world.bus.publish(happened(1));
          throw new Error("boom");
        })
        .catch(() => {});

      expect(world.handled).toEqual([]);
    });

    it("is outside for code that outlives the unit", async () => {
      await using world = await createWorld(driver);
      const { opened, open } = gate();
      let detached: Promise<void> | undefined;

      await world.unitOfWork.run(() => {
        detached = opened.then(() => world.bus.publish(happened(1)));
      });
      open();
      await detached;

      expect(world.handled).toEqual([1]);
    });

    it("is refused while the unit commits", async () => {
      await using world = await createWorld(driver);
      const reply = world.proxy.holdCommitReply();
      let detached: Promise<void> | undefined;

      await world.unitOfWork.run(({ record }) => {
        record(happened(1));
        detached = reply.held.then(() => world.bus.publish(happened(2))).finally(reply.release);
        detached.catch(() => {});
      });

      await expect(detached).rejects.toMatchObject({ code: "UNIT_ENDED" });
      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a unit that has ended`, () => {
    it("refuses recording, tracking, savepoints and statements, whether it committed or not", async () => {
      await using world = await createWorld(driver);
      const ended = { code: "UNIT_ENDED" };
      for (const fail of [false, true]) {
        let kept: UnitContext<Tx> | undefined;
        await world.unitOfWork
          .run((context) => {
            kept = context;
            if (fail) throw new Error("boom");
          })
          .catch(() => {});

        const { tx, record, track, savepoint } = kept!;
        expect(() => record(happened(1))).toThrow(expect.objectContaining(ended));
        expect(() => track(new Counter())).toThrow(expect.objectContaining(ended));
        await expect(savepoint(() => {})).rejects.toMatchObject(ended);
        await expect((async () => driver.query(tx, "select 1"))()).rejects.toThrow(/ended|already complete/);
      }
    });

    it("reports a refusal in the style in which the statement was sent, and leaves no unhandled rejection", async () => {
      await using world = await createWorld(driver);
      let kept: UnitContext<Tx> | undefined;
      await world.unitOfWork.run((context) => void (kept = context));

      const late = new Promise((resolve) => driver.queryCalling(kept!.tx, "select 1", resolve));

      expect(String(await late)).toMatch(/ended|already complete/);
    });

    it("refuses statements of a durable store that was not awaited, since the connection belongs to other code by then", async () => {
      await using world = await createWorld(driver);
      let dangling: DurableTransaction | undefined;
      world.bus.register(Happened, {
        ...durably(world.store),
        store: {
          ...world.store,
          async write(_requests, transaction) {
            dangling = transaction;
            return undefined;
          },
        },
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      await expect(dangling?.query("select 1", [])).rejects.toMatchObject({ code: "UNIT_ENDED" });
    });
  });
}
