import { describe, expect, it } from "vitest";
import { durably, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What neither a command tag nor a warning gives away, because nobody looks at the answer, or the server keeps quiet. */
const ends = [
  "rollback and chain",
  "rollback; begin",
  "commit and chain",
  "commit; begin",
  "commit",
  "rollback",
  "prepare transaction 'hidden'",
];

/** Ends of the transaction that neither the data layer nor a command tag shows. */
export function describeHiddenEnds<Tx>(tested: TestedAdapter<Tx>): void {
  const itOverPg = tested.isOverPg ? it : it.skip;

  describe("an end of the transaction that is sent below the driver", () => {
    itOverPg.each(ends)("publishes nothing, even if the driver does not show it: %s", async (end) => {
      let below: ((text: string) => Promise<unknown>) | undefined;
      await using world = await createWorld(tested, {
        onClient: (client) => (below = (text) => client.query(text)),
      });
      await world.admin.query("set client_min_messages = error");

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "set client_min_messages = error");
        await world.insert(tx, 1);
        record(happened(1));
        await below?.(end).catch(() => {});
      });

      await expect(running).rejects.toMatchObject({
        code: expect.stringMatching(/TRANSACTION_OWNED|TRANSACTION_ABORTED/) as unknown,
      });
      expect(world.handled).toEqual([]);
      await world.admin.query("rollback prepared 'hidden'").catch(() => {});
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    itOverPg(
      "keeps later rows from being stored, even if its answer is only read together with the answer to COMMIT",
      async () => {
        let below: ((text: string) => Promise<unknown>) | undefined;
        await using world = await createWorld(tested, {
          onClient: (client) => (below = (text) => client.query(text)),
        });

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
          await below?.("rollback; begin");
          await world.insert(tx, 2);
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect(await world.stored()).toEqual([]);
        await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      },
    );

    itOverPg("writes no durable row beside data that is gone", async () => {
      let below: ((text: string) => Promise<unknown>) | undefined;
      await using world = await createWorld(tested, {
        onClient: (client) => (below = (text) => client.query(text)),
      });
      world.bus.register(Happened, durably(world.storeWithProof));

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        await below?.("rollback; begin");
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect(world.handled).toEqual([]);
      expect([...(await world.stored()), ...(await world.stored("durable_rows"))]).toEqual([]);
    });

    it("is refused before it is sent, even if it hides behind comments, strings and other statements", async () => {
      await using world = await createWorld(tested);
      const banner = "/* ============ */\n".repeat(60);
      for (const text of [
        `${banner}commit`,
        "/* a /* nested */ one */ rollback",
        "select ';'; -- ;\n commit",
        "select $$;$$, $a$ ; $$ ; $a$; end",
        "select E'\\';'; abort",
        'select 1 as ";"; start transaction',
      ]) {
        const running = world.unitOfWork.run(async ({ tx, record }) => {
          record(happened(1));
          await world.insert(tx, 1);
          await tested.query(tx, text).catch(() => {});
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
        expect(await world.stored()).toEqual([]);
      }
      expect(world.handled).toEqual([]);
    });
  });
}
