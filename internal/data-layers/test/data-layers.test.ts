import { defineTask } from "@acme/jobs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { drizzleLayer } from "../src/drizzle.ts";
import { kyselyLayer } from "../src/kysely.ts";
import type { Layer } from "../src/layer.ts";
import { mikroOrmLayer } from "../src/mikro-orm.ts";
import { prismaLayer } from "../src/prisma.ts";
import { typeormLayer } from "../src/typeorm.ts";
import { connect, Happened } from "./connect.ts";

const task = defineTask("count", { payload: z.object({ n: z.number() }) });

function describeLayer<Tx>(layer: Layer<Tx>): void {
  const innermost = (error: unknown): unknown => layer.unwrap?.(error) ?? error;

  describe(`${layer.name} in a unit of work`, () => {
    let test: Awaited<ReturnType<typeof connect<Tx>>>;
    beforeAll(async () => void (test = await connect(layer)));
    beforeEach(() => test.reset());
    afterAll(() => test.end());

    it("commits its rows with the events", async () => {
      await test.unitOfWork.run(async ({ tx, record }) => {
        await layer.insert(tx, 1);
        record(new Happened({ n: 1 }));
      });

      expect([test.handled, await test.stored()]).toEqual([[1], [1]]);
    });

    it("rolls both back", async () => {
      const running = test.unitOfWork.run(async ({ tx, record }) => {
        await layer.insert(tx, 1);
        record(new Happened({ n: 1 }));
        throw new Error("boom");
      });

      await expect(running).rejects.toThrow("boom");
      expect([test.handled, await test.stored()]).toEqual([[], []]);
    });

    it("rejects when the work has swallowed an error", async () => {
      const running = test.unitOfWork.run(async ({ tx, record }) => {
        await layer.insert(tx, 1);
        record(new Happened({ n: 1 }));
        await layer.query(tx, "select 1 / 0").catch(() => {});
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
      expect([test.handled, await test.stored()]).toEqual([[], []]);
    });

    it("rolls back a savepoint alone", async () => {
      await test.unitOfWork.run(async ({ tx, record, savepoint }) => {
        await layer.insert(tx, 1);
        record(new Happened({ n: 1 }));
        const part = savepoint(async (inner) => {
          inner.record(new Happened({ n: 2 }));
          await layer.query(inner.tx, "insert into rows values (2)");
          await layer.query(inner.tx, "insert into rows values (2)");
        });
        expect(await part.catch(innermost)).toMatchObject({ code: "23505" });
        await savepoint((inner) => layer.insert(inner.tx, 3));
      });

      expect([test.handled, await test.stored()]).toEqual([[1], [1, 3]]);
    });

    it("runs again after a serialization failure", async () => {
      let runs = 0;

      await test.unitOfWork.run(
        async ({ tx, record }) => {
          runs += 1;
          record(new Happened({ n: runs }));
          await layer.insert(tx, runs);
          await layer.query(tx, "select * from counters");
          if (runs === 1) await test.admin.query("update counters set value = value + 1");
          await layer.query(tx, "update counters set value = value + 10");
        },
        { isolation: "repeatable read" },
      );

      expect([runs, test.handled, await test.stored()]).toEqual([2, [2], [2]]);
    });

    it("takes jobs into its transaction through the context, and refuses the layer's own object", async () => {
      const failing = test.unitOfWork.run(async (unit) => {
        await test.jobs.enqueue(task, { n: 1 }, { tx: unit });
        throw new Error("boom");
      });
      await expect(failing).rejects.toThrow("boom");
      await test.unitOfWork.run(async (unit) => {
        await test.jobs.enqueue(task, { n: 2 }, { tx: unit });
        const refused = test.jobs.enqueue(task, { n: 3 }, { tx: unit.tx as never });
        await expect(refused).rejects.toMatchObject({ code: "TRANSACTION_INVALID" });
        await test.unitOfWork.run(({ tx }) => expect(tx).toBe(unit.tx));
      });

      expect(await test.jobCount()).toBe(1);
    });

    it("refuses statements once the unit has ended", async () => {
      const kept = await test.unitOfWork.run(({ tx }) => ({ tx }));

      const late = await layer.query(kept.tx, "insert into rows values (1)").catch(innermost);

      expect(late).toMatchObject({ code: "UNIT_ENDED" });
      expect(await test.stored()).toEqual([]);
    });

    it("leaves no listener of the process behind", async () => {
      const count = () => process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0);
      const runAll = () => Promise.all([1, 2, 3].map((id) => test.unitOfWork.run(({ tx }) => layer.insert(tx, id))));
      await runAll();
      await test.reset();
      const before = count();

      await runAll();

      expect(count()).toBe(before);
    });

    it.runIf(layer.nesting === "savepoint")("has savepoints for nested transactions of its own", async () => {
      await test.unitOfWork.run(async ({ tx, record }) => {
        await layer.nested(tx, async (part) => {
          record(new Happened({ n: 1 }));
          await layer.query(part, "insert into rows values (1)");
        });
        const failing = layer.nested(tx, async (part) => {
          record(new Happened({ n: 2 }));
          await layer.query(part, "insert into rows values (2)");
          throw new Error("boom");
        });
        await expect(failing).rejects.toThrow("boom");
      });

      expect([test.handled, await test.stored()]).toEqual([[1], [1]]);
    });

    it.runIf(layer.nesting === "refused")("has its nested transactions refused, and stores nothing", async () => {
      const running = test.unitOfWork.run(({ tx }) =>
        layer.nested(tx, (part) => layer.query(part, "insert into rows values (1)")),
      );

      await expect(running.catch((error: unknown) => Promise.reject(innermost(error)))).rejects.toMatchObject({
        code: "TRANSACTION_OWNED",
      });
      expect(await test.stored()).toEqual([]);
    });

    it(`${layer.afterSwallowed} from a transaction of its own after a swallowed error, and stores nothing`, async () => {
      const own = test.own(async (tx) => {
        await layer.query(tx, "insert into rows values (1)");
        await layer.query(tx, "select 1 / 0").catch(() => {});
      });

      const ended = await own.then(
        () => "resolves",
        () => "rejects",
      );
      expect([ended, await test.stored()]).toEqual([layer.afterSwallowed, []]);
    });
  });
}

describeLayer(drizzleLayer);
describeLayer(kyselyLayer);
describeLayer(typeormLayer);
describeLayer(mikroOrmLayer);
describeLayer(prismaLayer);
