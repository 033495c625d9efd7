import { describe, expect, it, onTestFinished } from "vitest";
import { happened } from "./events.ts";
import { Pool, types } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

const booleans = types.builtins.BOOL;

/** What other users of the pool do, of which the unit of work knows nothing. */
export function describeLeftOpen<Tx>(tested: TestedAdapter<Tx>): void {
  describe.skipIf(!tested.isOverPg)("a connection in which other code has left a transaction open", () => {
    const withStranger = async () => {
      let first: { query: (text: string) => Promise<unknown> } | undefined;
      const world = await createWorld(tested, { onClient: (client) => (first ??= client) });
      await world.unitOfWork.migrate();
      await first?.query("begin");
      await first?.query("insert into rows values (666)");
      return { world, endStranger: (text: string) => first?.query(text) };
    };

    it.each(["commit", "rollback"])("is refused, and that code can still end its transaction: %s", async (end) => {
      const { world, endStranger } = await withStranger();
      await using _ = world;
      const { unitOfWork } = world;
      const refused = { code: "TRANSACTION_LEFT_OPEN" };

      await expect(unitOfWork.run(({ tx }) => world.insert(tx, 1))).rejects.toMatchObject(refused);
      await expect(unitOfWork.migrate()).rejects.toMatchObject(refused);
      await expect(unitOfWork.purgeIdempotencyKeys({ olderThanMs: 0 })).rejects.toMatchObject(refused);
      await endStranger(end);
      await unitOfWork.run(({ tx }) => world.insert(tx, 2));

      expect(await world.stored()).toEqual(end === "commit" ? [2, 666] : [2]);
    });

    it("is refused even if that code has not awaited its statement", async () => {
      let first: { query: (text: string) => Promise<unknown> } | undefined;
      await using world = await createWorld(tested, { onClient: (client) => (first ??= client) });
      await world.unitOfWork.migrate();
      const refused = { code: "TRANSACTION_LEFT_OPEN" };
      const sendWithoutWaiting = () => {
        void first?.query("begin");
        void first?.query("insert into rows values (666)");
      };

      sendWithoutWaiting();
      await expect(world.unitOfWork.run(({ tx }) => world.insert(tx, 1))).rejects.toMatchObject(refused);
      await first?.query("rollback");
      sendWithoutWaiting();
      await expect(world.unitOfWork.migrate()).rejects.toMatchObject(refused);
      await first?.query("commit");

      expect(await world.stored()).toEqual([666]);
    });
  });

  describe("a driver that leaves booleans as text", () => {
    const asText = () => {
      const usual = types.getTypeParser(booleans) as (text: string) => unknown;
      types.setTypeParser(booleans, (text) => text as never);
      onTestFinished(() => types.setTypeParser(booleans, usual as never));
    };

    it("runs what has not run, and skips what has", async () => {
      await using world = await createWorld(tested);
      asText();
      await world.unitOfWork.migrate();
      const once = () => world.unitOfWork.runOnce("key", ({ tx }) => world.insert(tx, 1));

      expect([(await once()).ran, (await once()).ran]).toEqual([true, false]);
      expect(await world.stored()).toEqual([1]);
    });

    it("makes no commit of one that never took place, where there are foreign servers", async () => {
      await using world = await createWorld(tested, { outcomeTimeoutMs: 2_000 });
      await world.admin.query(
        "create foreign data wrapper nothing; create server elsewhere foreign data wrapper nothing",
      );
      onTestFinished(async () => {
        const pool = new Pool({ connectionString: world.url });
        await pool.query("drop foreign data wrapper nothing cascade");
        await pool.end();
      });
      asText();
      await world.unitOfWork.run(() => {});

      const cut = world.proxy.cutBeforeCommit();
      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "select 1");
        record(happened(1));
      });

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      await cut;
      expect(world.handled).toEqual([]);
    });
  });

  describe.skipIf(!tested.isOverPg)("a BEGIN that fails", () => {
    it("rejects with its error, runs no work, and leaves its connection clean", async () => {
      let isBad = false;
      await using world = await createWorld(tested, {
        onClient(client) {
          const query = client.query.bind(client) as (...args: unknown[]) => unknown;
          client.query = ((statement: unknown, ...rest: unknown[]) => {
            const text = (statement as { text?: string }).text ?? statement;
            if (!isBad || !String(text).startsWith("begin")) return query(statement, ...rest);
            isBad = false;
            const bad = "begin; select 1/0";
            return query(typeof statement === "string" ? bad : { ...(statement as object), text: bad }, ...rest);
          }) as never;
        },
      });
      await world.unitOfWork.run(() => {});
      isBad = true;
      let runs = 0;

      const failing = world.unitOfWork.run(() => void (runs += 1));
      const waiting = world.unitOfWork.run(({ tx }) => world.insert(tx, 1));

      await expect(failing).rejects.toMatchObject({ code: "22012" });
      await waiting;
      expect([runs, await world.stored()]).toEqual([0, [1]]);
    });
  });
}
