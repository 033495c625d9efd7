import { describe, expect, it } from "vitest";
import { changeCommit, skipUnlessPipelining } from "./change-commit.ts";
import { happened } from "./events.ts";
import type { Client } from "./pg-module.ts";
import { countRoundTrips } from "./round-trips.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** The guard and COMMIT, on their way together. */
export function describeGuard<Tx>(tested: TestedAdapter<Tx>): void {
  const itOverPg = tested.isOverPg ? it : it.skip;

  describe("a unit with events", () => {
    itOverPg.for([0, 1])(
      "makes begin, its statement and COMMIT three round trips, with %i events",
      async (count, { skip }) => {
        const trips = countRoundTrips();
        await using world = await createWorld(tested, {
          onClient: trips.watch,
        });
        if (count > 0) await skipUnlessPipelining(world, skip);
        await world.unitOfWork.run(() => {});
        trips.reset();

        await world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          for (let n = 0; n < count; n += 1) record(happened(n));
        });

        expect(trips.count()).toBe(3);
      },
    );

    it("rejects because of the command tag when a statement sent behind the answered guard has failed", async ({
      skip,
    }) => {
      await using world = await createWorld(tested, {
        change: changeCommit((transaction, text) => {
          const answer = transaction.query(text);
          transaction.query("select 1 / 0").catch(() => {});
          return { answer, tag: transaction.commit() };
        }),
      });
      await skipUnlessPipelining(world, skip);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toThrow(/answered ROLLBACK to COMMIT/);
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("refuses what is sent or recorded behind its guard", async ({ skip }) => {
      const late: Promise<unknown>[] = [];
      let sendLate = (): void => {};
      await using world = await createWorld(tested, {
        change: changeCommit((transaction, text) => {
          const sent = transaction.pipelineCommit?.(text);
          sendLate();
          return sent;
        }),
      });
      await skipUnlessPipelining(world, skip);

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        sendLate = () => {
          const [insert, again] = [async () => world.insert(tx, 2), async () => record(happened(2))];
          late.push(refusalOf(insert()), refusalOf(again()));
        };
      });

      expect(await Promise.all(late)).toEqual([expect.any(Error), expect.objectContaining({ code: "UNIT_ENDED" })]);
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    itOverPg.each([
      { end: "commits", statement: "select 1", outcome: "committed" },
      { end: "was aborted", statement: "select 1 / 0", outcome: "TRANSACTION_ABORTED" },
      { end: "fails at COMMIT", statement: "insert into checked_late values (1), (1)", outcome: "23505" },
    ])("that $end hands its connection on as it was", async ({ statement, outcome }) => {
      const seen: boolean[] = [];
      await using world = await createWorld(tested, { onClient: (client) => watchBegin(client, seen) });
      await world.unitOfWork.run(() => "tried out");
      seen.length = 0;
      const first = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await tested.query(tx, statement).catch(() => {});
      });
      const second = world.unitOfWork.run(() => "next");

      const end = first.then(
        () => "committed",
        (error: { code: string }) => error.code,
      );
      expect(await end).toBe(outcome);
      await expect(second).resolves.toBe("next");

      expect(seen).toEqual([false, false]);
    });
  });
}

function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "accepted",
    (error: unknown) => error,
  );
}

function watchBegin(client: Client, seen: boolean[]): void {
  const { query } = client;
  client.query = function (...args: unknown[]) {
    const [first] = args as [string | { text: string }];
    if (/^begin/i.test(typeof first === "string" ? first : first.text)) seen.push(client.pipeline);
    return Reflect.apply(query, client, args);
  } as typeof client.query;
}
