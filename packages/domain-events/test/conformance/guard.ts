import type { Client } from "pg";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { CommitOutcomeUnknownError, type Transaction, type TransactionAdapter } from "../../src/index.ts";
import { countRoundTrips } from "./round-trips.ts";
import { createWorld, durably, Happened, happened, type TestedDriver, type WorldOptions } from "./world.ts";

/** The guard and COMMIT, on their way together. */
export function describeGuard<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a unit with events`, () => {
    it.each([0, 1])("makes begin, its statement and COMMIT three round trips, with %i events", async (count) => {
      const trips = countRoundTrips();
      await using world = await createWorld(driver, {
        onClient: trips.watch,
      });
      await world.unitOfWork.run(() => {});
      trips.reset();

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        for (let n = 0; n < count; n += 1) record(happened(n));
      });

      expect(trips.count()).toBe(3);
    });

    it("rejects because of the command tag when a statement sent behind the answered guard has failed", async () => {
      await using world = await createWorld(driver, {
        change: changeCommit((transaction, text) => {
          const answer = transaction.query(text);
          transaction.query("select 1 / 0").catch(() => {});
          return { answer, tag: transaction.commit() };
        }),
      });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toThrow(/answered ROLLBACK to COMMIT/);
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("refuses what is sent or recorded behind its guard", async () => {
      const late: Promise<unknown>[] = [];
      let sendLate = (): void => {};
      await using world = await createWorld(driver, {
        change: changeCommit((transaction, text) => {
          const sent = transaction.pipelineCommit?.(text);
          sendLate();
          return sent;
        }),
      });

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

    it.each([
      { end: "commits", statement: "select 1", outcome: "committed" },
      { end: "was aborted", statement: "select 1 / 0", outcome: "TRANSACTION_ABORTED" },
      { end: "fails at COMMIT", statement: "insert into checked_late values (1), (1)", outcome: "23505" },
    ])("that $end hands its connection on as it was", async ({ statement, outcome }) => {
      const seen: boolean[] = [];
      await using world = await createWorld(driver, { onClient: (client) => watchBegin(client, seen) });
      await world.unitOfWork.run(() => "tried out");
      seen.length = 0;
      const first = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await driver.query(tx, statement).catch(() => {});
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

  describe(`${driver.name}: a connection lost before the guard is answered`, () => {
    it("that the server has closed rejects with what the server said", async () => {
      let lost = false;
      await using world = await createWorld(driver, {
        onClient: (client) => void client.on("error", () => (lost = true)),
      });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "set local idle_in_transaction_session_timeout = 20");
        record(happened(1));
        await expect.poll(() => lost).toBe(true);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED", cause: { code: "25P03" } });
      expect(world.handled).toEqual([]);
    });

    it.each([0, 1])(
      "because the work left something open is given up after commitTimeoutMs, with %i events",
      async (count) => {
        let client: Client | undefined;
        await using world = await createWorld(driver, {
          commitTimeoutMs: 200,
          onClient: (created) => (client = created),
        });

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          for (let n = 0; n < count; n += 1) record(happened(n));
          client?.query(new OpenPortal() as never);
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
        expect(world.inUseCount()).toBe(0);
        expect(await world.stored()).toEqual([]);
        expect(world.handled).toEqual([]);
      },
    );

    it.each([
      { title: "it never got there", stored: [], breakIt: loseRequests },
      { title: "only the answers were lost", stored: [1], breakIt: loseAnswers },
    ])("says that the outcome is unknown, and durable rows tell the truth: $title", async ({ stored, breakIt }) => {
      let client: Client | undefined;
      let breakConnection = (): void => {};
      await using world = await createWorld(driver, {
        onClient: (created) => (client ??= created),
        change: changeCommit((transaction, text) => {
          breakConnection();
          return transaction.pipelineCommit?.(text);
        }),
      });
      world.bus.register(Happened, durably(world.store));
      breakConnection = () => void breakIt(world, client as Client);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
      expect(world.wakeCount()).toBe(1);
      expect(await world.stored()).toEqual(stored);
      expect(await world.stored("durable_rows")).toEqual(stored);
    });

    it("knows that nothing was committed when the network went silent while the work was busy elsewhere", async () => {
      await using world = await createWorld(driver, { queryTimeoutMs: 200 });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        world.proxy.goSilent();
        letTimePass(1_000);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
      await expect(running).rejects.toHaveProperty("cause.message", expect.stringMatching(/timeout/));
      world.proxy.resume();
      expect(await world.stored()).toEqual([]);
    });
  });
}

/** A cursor that is read once and then forgotten: pg sends nothing else while it is open. */
class OpenPortal {
  submit(connection: Record<"parse" | "bind" | "execute" | "flush", (config?: object) => void>): void {
    connection.parse({ text: "select generate_series(1, 10)" });
    connection.bind();
    connection.execute({ rows: 1 });
    connection.flush();
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleError(): void {}
}

type PipelineCommit = Transaction<unknown>["pipelineCommit"];

/** Stands in the place where the unit sends the guard and COMMIT. */
function changeCommit(
  send: (transaction: Transaction<unknown>, text: string) => ReturnType<NonNullable<PipelineCommit>>,
) {
  return <Tx>(adapter: TransactionAdapter<Tx>): ReturnType<NonNullable<WorldOptions<Tx>["change"]>> => ({
    ...adapter,
    async begin(options) {
      const transaction = await adapter.begin(options);
      return {
        ...transaction,
        pipelineCommit: (text) => send(transaction, text),
      };
    },
  });
}

function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "accepted",
    (error: unknown) => error,
  );
}

type Broken = {
  proxy: { goSilent(): void; cutAll(): void };
  stored(): Promise<number[]>;
};

async function loseRequests(world: Broken): Promise<void> {
  world.proxy.goSilent();
  setImmediate(() => world.proxy.cutAll());
}

async function loseAnswers(world: Broken, client: Client): Promise<void> {
  const { stream } = client.connection as unknown as {
    stream: NodeJS.ReadStream & { destroy(): void };
  };
  stream.pause();
  await expect.poll(() => world.stored()).toEqual([1]);
  stream.destroy();
}

function watchBegin(client: Client, seen: boolean[]): void {
  const { query } = client;
  client.query = function (...args: unknown[]) {
    const [first] = args as [string | { text: string }];
    if (/^begin/i.test(typeof first === "string" ? first : first.text)) seen.push(client.pipeline);
    return Reflect.apply(query, client, args);
  } as typeof client.query;
}

function letTimePass(ms: number): void {
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
  onTestFinished(() => clock.mockRestore());
}
