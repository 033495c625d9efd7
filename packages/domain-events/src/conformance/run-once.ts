import { describe, expect, it } from "vitest";
import { gate, happened } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Idempotency keys: the work of a key runs once. */
export function describeRunOnce<Tx>(tested: TestedAdapter<Tx>): void {
  describe("runOnce", () => {
    it("runs once for each key", async () => {
      await using world = await createWorld(tested);
      await world.unitOfWork.migrate();
      const work = async ({ tx, record }: { tx: Tx; record: (event: object) => void }): Promise<string> => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      };

      expect(await world.unitOfWork.runOnce("key", work)).toEqual({ ran: true, result: "result" });
      expect(await world.unitOfWork.runOnce("key", work)).toEqual({ ran: false });

      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it.each([
      { first: "commits", fails: false, second: { ran: false } },
      { first: "rolls back", fails: true, second: { ran: true, result: "second" } },
    ])("waits for a first run that $first", async ({ fails, second }) => {
      await using world = await createWorld(tested, { max: 2 });
      await world.unitOfWork.migrate();
      const [begun, end] = [gate(), gate()];

      const firstRun = world.unitOfWork.runOnce("key", async () => {
        begun.open();
        await end.opened;
        if (fails) throw new Error("boom");
      });
      firstRun.catch(() => {});
      await begun.opened;
      const secondRun = world.unitOfWork.runOnce("key", () => "second");
      await eventually(() => isWaiting(world.admin)).toBe(true);
      end.open();

      await firstRun.catch(() => {});
      expect(await secondRun).toEqual(second);
    });

    it("skips also in a serializable transaction that raced with the first", async () => {
      await using world = await createWorld(tested, { max: 2 });
      await world.unitOfWork.migrate();

      const outcomes = await Promise.all(
        [1, 2].map(() => world.unitOfWork.runOnce("key", () => "ran", { isolation: "serializable" })),
      );

      expect(outcomes.filter(({ ran }) => ran)).toHaveLength(1);
    });

    it.each(["repeatable read", "serializable"] as const)(
      "skips at %s also without a retry, when another run has claimed the key since its snapshot",
      async (isolation) => {
        await using world = await createWorld(tested, { max: 8 });
        await world.unitOfWork.migrate();

        const runs = await Promise.all(
          Array.from({ length: 8 }, () =>
            world.unitOfWork.runOnce("key", ({ record }) => record(happened(1)), { isolation, retry: { attempts: 1 } }),
          ),
        );

        expect(runs.filter(({ ran }) => ran)).toHaveLength(1);
        expect(world.handled).toEqual([1]);
      },
    );

    it("names migrate() when its table is missing", async () => {
      await using world = await createWorld(tested);

      const missing = { code: "IDEMPOTENCY_KEYS_MISSING", message: expect.stringContaining("migrate()") };
      await expect(world.unitOfWork.runOnce("key", () => {})).rejects.toMatchObject(missing);
      await expect(world.unitOfWork.purgeIdempotencyKeys({ olderThanMs: 0 })).rejects.toMatchObject(missing);
    });

    it("stops waiting for a key when its signal is aborted, and gives the connection up", async () => {
      await using world = await createWorld(tested, { max: 1 });
      await world.unitOfWork.migrate();
      const holder = await world.admin.connect();
      await holder.query("begin; insert into domain_events.idempotency_keys (key) values ('key')");
      const aborting = new AbortController();

      const running = world.unitOfWork.runOnce("key", ({ record }) => record(happened(1)), { signal: aborting.signal });
      running.catch(() => {});
      await expect
        .poll(async () => (await world.admin.query("select from pg_locks where not granted")).rowCount)
        .toBe(1);
      aborting.abort(new Error("enough"));

      await expect(running).rejects.toThrow("enough");
      expect(await world.unitOfWork.run(() => "the pool goes on")).toBe("the pool goes on");
      await holder.query("commit");
      holder.release();
      expect(world.handled).toEqual([]);
    });

    it("refuses a key that cannot be stored", async () => {
      await using world = await createWorld(tested);

      for (const key of ["", "a\0b", "x".repeat(501), "lone \ud800", 7 as never]) {
        await expect(world.unitOfWork.runOnce(key, () => {})).rejects.toMatchObject({
          code: "IDEMPOTENCY_KEY_INVALID",
        });
      }
    });
  });
}

async function isWaiting(admin: { query: (text: string) => Promise<{ rowCount: number | null }> }): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_locks where not granted");
  return (rowCount ?? 0) > 0;
}
