import { describe, expect, it } from "vitest";
import { happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Savepoints that only the server sees. */
export function describeHiddenSavepoints<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a savepoint that the work leaves in a text which does not show it", () => {
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
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "savepoint s");
        await world.insert(tx, 1);
        record(happened(1));
        for (const text of texts) await tested.query(tx, text);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect([world.handled, await world.stored()]).toEqual([[], []]);
    });

    it.each([
      ["É", "é"],
      ["\u212A", "k"],
    ])("is refused if its name may be ambiguous: %s, %s", async (one, other) => {
      await using world = await createWorld(tested);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, `savepoint ${one}`);
        await world.insert(tx, 1);
        record(happened(1));
        await tested.query(tx, `savepoint ${other}`);
        await tested.query(tx, `rollback to savepoint ${one}`);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect([world.handled, await world.stored()]).toEqual([[], []]);
    });
  });
}
