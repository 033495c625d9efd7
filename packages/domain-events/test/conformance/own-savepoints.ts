import { describe, expect, it } from "vitest";
import { AggregateRoot } from "../../src/index.ts";
import { createWorld, gate, happened, type TestedDriver } from "./world.ts";

class Counter extends AggregateRoot {
  count(n: number): void {
    this.record(happened(n));
  }
}

/** Savepoints that the work sets by SQL, and those of the driver. */
export function describeOwnSavepoints<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a savepoint that the work sets by itself`, () => {
    it("drops its events when it is rolled back, also those of aggregates", async () => {
      await using world = await createWorld(driver);
      const counter = new Counter();

      await world.unitOfWork.run(async ({ tx, record, track }) => {
        track(counter).count(1);
        await world.insert(tx, 1);
        await driver.query(tx, "savepoint mine");
        record(happened(2));
        counter.count(3);
        await world.insert(tx, 2);
        await driver.query(tx, "rollback to savepoint mine");
        record(happened(4));
        await world.insert(tx, 4);
      });

      expect(world.handled).toEqual([1, 4]);
      expect(await world.stored()).toEqual([1, 4]);
    });

    it("still exists if the server has refused its release, and can be rolled back to", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        await driver.query(tx, "savepoint part");
        try {
          await world.insert(tx, 2);
          record(happened(2));
          // Somebody swallows the error of a part.
          await driver.query(tx, "select 1 / 0").catch(() => {});
          await driver.query(tx, "release savepoint part");
        } catch {
          await driver.query(tx, "rollback to savepoint part");
        }
        record(happened(3));
      });

      expect([world.handled, await world.stored()]).toEqual([[1, 3], [1]]);
    });

    it.each(["savepoint second", "savepoint first"])(
      "counts as not set if the server has refused it: %s",
      async (text) => {
        await using world = await createWorld(driver);

        await world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
          await driver.query(tx, "savepoint first");
          record(happened(2));
          await driver.query(tx, "select 1 / 0").catch(() => {});
          await driver.query(tx, text).catch(() => {});
          record(happened(3));
          await driver.query(tx, "rollback to first");
          record(happened(4));
          await driver.query(tx, "release first");
        });

        expect([world.handled, await world.stored()]).toEqual([[1, 4], [1]]);
      },
    );

    it.each(["release inside; rollback to around", "savepoint more; rollback to around"])(
      "commits nothing if the server has refused a text that drops events: %s",
      async (text) => {
        await using world = await createWorld(driver);

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await driver.query(tx, "savepoint around");
          await world.insert(tx, 1);
          record(happened(1));
          await driver.query(tx, "savepoint inside");
          await driver.query(tx, "select 1 / 0").catch(() => {});
          await driver.query(tx, text).catch(() => {});
          await driver.query(tx, "rollback to inside");
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect([world.handled, await world.stored()]).toEqual([[], []]);
      },
    );

    it("can be rolled back to after a savepoint() inside it could not be set", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        record(happened(1));
        await driver.query(tx, "savepoint mine");
        await driver.query(tx, "select 1 / 0").catch(() => {});
        await savepoint(() => {}).catch(() => {});
        await driver.query(tx, "rollback to mine");
        await world.insert(tx, 1);
      });

      expect([world.handled, await world.stored()]).toEqual([[1], [1]]);
    });

    it("is identified by its name in the same way as on the server", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork
        .run(async ({ tx, record }) => {
          for (const [text, n] of [
            ["SAVEPOINT Outer", 1],
            ['savepoint "Outer"', 2],
            ["savepoint outer", 3],
            ["rollback work to outer", 0],
            ["release outer; rollback transaction to savepoint OUTER", 0],
            ["-- back\nrollback /* to */ to outer", 0],
          ] as const) {
            await driver.query(tx, text).catch(() => {});
            if (n > 0) record(happened(n));
          }
        })
        .catch(() => {});
      await world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "savepoint a");
        record(happened(5));
        await driver.query(tx, "savepoint a");
        record(happened(6));
        await driver.query(tx, "rollback to a; release a");
        record(happened(7));
        await driver.query(tx, "rollback to a");
        record(happened(8));
      });

      expect(world.handled).toEqual([8]);
    });

    it("passes its events on to the savepoint or unit around it when it is released", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, savepoint }) => {
        await savepoint(async ({ record }) => {
          await driver.query(tx, "savepoint mine");
          record(happened(1));
          await driver.query(tx, "release mine");
        });
        await savepoint(async ({ record }) => {
          await driver.query(tx, "savepoint mine");
          record(happened(2));
          await driver.query(tx, "release mine");
          throw new Error("boom");
        }).catch(() => {});
      });

      expect(world.handled).toEqual([1]);
    });

    it.each(["rollback to outside", "release outside", "rollback to domain_events_1"])(
      "must be its own: %s, from inside a savepoint()",
      async (text) => {
        await using world = await createWorld(driver);

        const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
          await driver.query(tx, "savepoint outside");
          record(happened(1));
          await savepoint(() => driver.query(tx, text));
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect(world.handled).toEqual([]);
      },
    );
  });

  describe(`${driver.name}: a statement of other code while a savepoint is open`, () => {
    it("is refused, since it would be rolled back with the savepoint while its event is published", async () => {
      await using world = await createWorld(driver);
      const [inside, tried] = [gate(), gate()];

      const running = world.unitOfWork.run(async ({ tx, record, savepoint }) => {
        const part = savepoint(async () => {
          inside.open();
          await tried.opened;
          throw new Error("boom");
        });
        const sibling = inside.opened.then(() => world.insert(tx, 1));
        await expect(sibling).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
        tried.open();
        await part.catch(() => {});
        await world.insert(tx, 2);
        record(happened(2));
      });

      // Like a statement that the server refuses: what was recorded beside it may be about it.
      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_OPEN" } });
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("is refused as well when the savepoint it was sent in has ended", async () => {
      await using world = await createWorld(driver);
      const ended = gate();
      let late: Promise<unknown> | undefined;

      const running = world.unitOfWork.run(async ({ tx, savepoint }) => {
        await savepoint(({ record, query }) => {
          late = (async () => {
            await ended.opened;
            expect(() => record(happened(1))).toThrow(expect.objectContaining({ code: "SAVEPOINT_ENDED" }));
            await expect(query("select 1")).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await expect(world.bus.publish(happened(1))).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await expect(world.unitOfWork.run(() => {})).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
            await world.insert(tx, 1);
          })();
        });
        ended.open();
        await expect(late).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
      });

      // What the savepoint had recorded may be about it.
      await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { code: "SAVEPOINT_ENDED" } });
      expect(await world.stored()).toEqual([]);
    });
  });

  describe(`${driver.name}: a savepoint that the work leaves in a text which does not show it`, () => {
    it.each([
      [
        "a string that goes on in the next line",
        String.raw`select E'one\n'
  'it\'s two'; rollback to savepoint s`,
      ],
      ["a routine", "create function pg_temp.f() returns int begin atomic select 1; end; rollback to savepoint s"],
      [
        "a comment about routines",
        "create function pg_temp.f() returns int language sql as $$ select 1 -- not begin atomic\n $$; rollback to savepoint s",
      ],
      ["a dollar in a name", "select 1 as café$x$; rollback to savepoint s"],
      [
        "another savepoint in a string",
        "savepoint other",
        String.raw`select e'a'
'\'; rollback to savepoint other; --'; rollback to savepoint s`,
      ],
      [
        "another statement in a string",
        String.raw`select e'a'
'\'; savepoint other; --'; rollback to savepoint s`,
      ],
      [
        "the end of the transaction behind a string",
        String.raw`select e'a'
'\'; savepoint other; --'; rollback and chain`,
      ],
      [
        "a backslash that escapes",
        "set local standard_conforming_strings = off",
        String.raw`select 'it\'s'; rollback to savepoint s`,
      ],
    ])("is detected by the server's answer, and nothing is stored or published: %s", async (_, ...texts) => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "savepoint s");
        await world.insert(tx, 1);
        record(happened(1));
        for (const text of texts) await driver.query(tx, text);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect([world.handled, await world.stored()]).toEqual([[], []]);
    });

    it.each([
      ["É", "é"],
      ["\u212A", "k"],
    ])("is refused if its name may be ambiguous: %s, %s", async (one, other) => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, `savepoint ${one}`);
        await world.insert(tx, 1);
        record(happened(1));
        await driver.query(tx, `savepoint ${other}`);
        await driver.query(tx, `rollback to savepoint ${one}`);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect([world.handled, await world.stored()]).toEqual([[], []]);
    });
  });
}
