import { describe, expect, it } from "vitest";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** A session that began while the database was read-only stays so. */
export function describeReadOnly<Tx>(tested: TestedAdapter<Tx>): void {
  const ways: { readonly how: string; readonly message: string; readonly fail: (tx: Tx, text: string) => unknown }[] = [
    { how: "as it came", message: "read-only transaction", fail: (tx, text) => tested.query(tx, text) },
    {
      how: "in an error of its own",
      message: "not stored",
      fail: (tx, text) =>
        tested.query(tx, text).catch(() => {
          throw new Error("not stored");
        }),
    },
  ];

  describe("a connection that may only read", () => {
    it.each(ways)("is not used again after it has refused a write, and the work has thrown that $how", async (way) => {
      // The session of the administrator, which the pool hands out again, is older than the setting.
      await using world = await createWorld(tested, { before: set("set default_transaction_read_only = on") });
      const refused = world.unitOfWork.run(({ tx }) => way.fail(tx, "insert into rows values (1)"));
      await expect(refused).rejects.toThrow(way.message);
      await world.admin.query(set("reset default_transaction_read_only"));

      await world.unitOfWork.run(({ tx }) => world.insert(tx, 2));

      expect(await world.stored()).toEqual([2]);
      expect(world.inUseCount()).toBe(0);
    });
  });
}

function set(what: string): string {
  return `do $$ begin execute format('alter database %I ${what}', current_database()); end $$`;
}
