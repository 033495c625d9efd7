import { createTestDatabase, terminateBackends } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import {
  type BeginOptions,
  CommitOutcomeUnknownError,
  type Transaction,
  TransactionAbortedError,
} from "../../src/index.ts";
import { letCommitEnd, stallCommit } from "./stalled-commit.ts";
import { createTables, openSession, openUnits } from "./units.ts";
import { createWorld, durably, Happened, happened, type TestedDriver, type World } from "./world.ts";

export function describeCommitTruth<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a confirmed commit`, () => {
    it("publishes after the commit, and returns what the work returned", async () => {
      await using world = await createWorld(driver);
      const storedWhenHandled: number[][] = [];
      world.bus.register(Happened, async () => storedWhenHandled.push(await world.stored()));

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        expect(world.handled).toEqual([]);
        return "result";
      });

      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(storedWhenHandled).toEqual([[1]]);
    });

    it("runs handlers with the connection back in the pool: they may open a unit on a pool of one", async () => {
      await using world = await createWorld(driver);
      const inUse: number[] = [];
      world.bus.register(Happened, async ({ n }) => {
        inUse.push(world.inUseCount());
        if (n < 3) await world.unitOfWork.run(({ record }) => record(happened(n + 1)));
      });

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1, 2, 3]);
      expect(inUse).toEqual([0, 0, 0]);
    });

    it("publishes nothing of a work that rejects, and throws its error as it is", async () => {
      await using world = await createWorld(driver);
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        throw boom;
      });

      await expect(running).rejects.toBe(boom);
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
    });

    it("writes durable requests with the data, in one write, and wakes the store once", async () => {
      await using world = await createWorld(driver);
      world.bus.register(Happened, durably(world.store));

      await world.unitOfWork.run(({ record }) => {
        record(happened(1));
        record(happened(2));
      });
      await world.unitOfWork.run(({ record }) => fail(record)).catch(() => {});

      expect(await world.stored("durable_rows")).toEqual([1, 2]);
      expect(world.wakeCount()).toBe(1);
    });
  });

  describe(`${driver.name}: a transaction that PostgreSQL has aborted`, () => {
    it("rejects after a swallowed query error, and publishes nothing", async () => {
      await using world = await createWorld(driver);
      world.bus.register(Happened, durably(world.store));

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await swallowedError(world, tx);
      });

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(world.handled).toEqual([]);
      expect([...(await world.stored()), ...(await world.stored("durable_rows"))]).toEqual([]);
    });

    it("is detected by the guard", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await swallowedError(world, tx);
      });

      await expect(running).rejects.toMatchObject({ cause: { code: "25P02" } });
    });

    it("rejects also when nothing was recorded", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(({ tx }) => swallowedError(world, tx));

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(await world.stored()).toEqual([]);
    });

    it("rejects because of the command tag when a query fails between the guard and COMMIT", async () => {
      await using world = await createWorld(driver, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            if (isQuestion(options)) return transaction;
            return { ...transaction, pipelineCommit: () => undefined, query: failingAfterGuard(transaction) };
          },
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

    it.each([1, 0])("throws the constraint's error when one fails at COMMIT, with %i events", async (count) => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        for (let n = 0; n < count; n += 1) record(happened(n));
        await driver.query(tx, "insert into checked_late values (1), (1)");
      });

      await expect(running).rejects.toMatchObject({ code: "23505" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });

  describe(`${driver.name}: a work that ends the transaction itself`, () => {
    it.each(driver.meddling)("is refused: $how", async ({ meddle }) => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await meddle(tx);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it.each(driver.meddling)("is refused also when it swallows the error: $how", async ({ meddle }) => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        try {
          await meddle(tx);
        } catch {
          // Swallowed.
        }
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("may use savepoints of its own, and words like commit in its data", async () => {
      await using world = await createWorld(driver);

      await world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await driver.query(tx, "savepoint mine");
        await driver.query(tx, "select 'commit; rollback'");
        await driver.query(tx, "rollback to savepoint mine");
        await driver.query(tx, "-- commit\nrelease savepoint mine");
      });

      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a connection lost during COMMIT`, () => {
    it("returns the result and publishes once when only the reply was lost", async () => {
      await using world = await createWorld(driver);
      const dropped = world.proxy.dropCommitReply();

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      await dropped;
      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
    });

    it("rejects and publishes nothing when COMMIT never reached the server", async () => {
      await using world = await createWorld(driver);
      const cut = world.proxy.cutBeforeCommit();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.not.toBeInstanceOf(CommitOutcomeUnknownError);
      await cut;
      expect(world.handled).toEqual([]);
      expect(await world.stored()).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("returns the result and publishes once when the driver timed out while COMMIT succeeded", async () => {
      await using world = await createWorld(driver, { queryTimeoutMs: 300 });
      await world.unitOfWork.run(() => "tried out");
      const reply = world.proxy.holdCommitReply();
      let askedCount = 0;
      const { begin } = world.adapter;
      Object.assign(world.adapter, {
        begin: (...args: Parameters<typeof begin>) => {
          if (isQuestion(...args)) askedCount += 1;
          return begin(...args);
        },
      });

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      // Once: the connection that no longer answers was not asked.
      expect(askedCount).toBe(1);
      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(await world.stored()).toEqual([1]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      reply.release();
    });

    it("is given up after commitTimeoutMs if COMMIT is never answered, and the database is asked about the COMMIT", async () => {
      await using world = await createWorld(driver, { commitTimeoutMs: 300 });
      await world.unitOfWork.run(() => "tried out");
      const reply = world.proxy.holdCommitReply();

      const result = await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        return "result";
      });

      expect(result).toBe("result");
      expect(world.handled).toEqual([1]);
      expect(world.inUseCount()).toBe(0);
      reply.release();
    });

    it("accepts an answer that came while the process stood still, even if the timeout has passed by then", async () => {
      await using database = await createTestDatabase();
      await createTables(database.url);
      await using units = openUnits(driver, database.url, { commitTimeoutMs: 3_000 });
      await units.unitOfWork.run(() => "tried out");
      await using commit = await stallCommit(driver, units, { id: 1, serverUrl: database.url });
      await using session = await openSession(database.url);

      // The rest of this turn of the loop goes on where an answer was read, after which timers come before sockets.
      await session.client.query("select");
      letCommitEnd(database.url, { standStillMs: 3_500 });

      expect(await commit.said).toBe("resolved");
      expect(units.published).toEqual([1]);
    });

    it("leaves the outcome unknown if the server has made a checkpoint since, as after a crash", async () => {
      await using world = await createWorld(driver);
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        // Not before the connection has said where the log stands.
        await driver.query(tx, "insert into slow_to_commit values (1)");
        const { begin } = world.adapter;
        Object.assign(world.adapter, {
          begin: async (...args: Parameters<typeof begin>) => {
            await world.admin.query("checkpoint");
            return begin(...args);
          },
        });
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
    });

    it("resolves by what the unit itself has written, even if a checkpoint has come in between", async () => {
      await using world = await createWorld(driver);
      const witness = { text: "select from durable_rows where id = $1", values: [1] };
      world.bus.register(
        Happened,
        durably({
          ...world.store,
          write: async (...args) => ({ ...(await world.storeWithProof.write(...args)), witness }),
        }),
      );
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          if (isQuestion(...args)) await world.admin.query("checkpoint");
          return begin(...args);
        },
      });
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1]);
      expect(await world.stored("durable_rows")).toEqual([1]);
    });

    it.each([
      { how: "is in the future there: it was lost", answers: futureId, said: "rejected" },
      { how: "is asked about on a standby", answers: fromStandby, said: "unknown" },
      { how: "is asked about in another cluster", answers: fromElsewhere, said: "unknown" },
      { how: "is asked about on an old primary that was left behind", answers: fromOldPrimary, said: "unknown" },
      { how: "is asked about on another server of the cluster", answers: fromSibling, said: "unknown" },
      { how: "is too old to tell", answers: forgottenId, said: "unknown" },
    ])("is not published when the transaction's id $how", async ({ answers, said }) => {
      // Where no answer can come it waits all that time; where one comes, a busy machine may take more than a moment for it.
      await using world = await createWorld(driver, { outcomeTimeoutMs: said === "unknown" ? 300 : 10_000 });
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          const transaction = await begin(...args);
          return isQuestion(...args) ? { ...transaction, query: answers(transaction.query) } : transaction;
        },
      });
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      const end = running.then(
        () => "resolved",
        (error: unknown) => (error instanceof CommitOutcomeUnknownError ? "unknown" : "rejected"),
      );
      expect(await end).toBe(said);
      expect(world.handled).toEqual([]);
    });

    it("gives every connection back when the standbys of a COMMIT cannot be asked", async () => {
      await using world = await createWorld(driver, { outcomeTimeoutMs: 1_000 });
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          const transaction = await begin(...args);
          if (isQuestion(...args)) return { ...transaction, query: withStandbys(transaction.query) };
          if (args[0].mark !== undefined) return transaction;
          return { ...transaction, query: () => transaction.query("select no_such_function()") };
        },
      });
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "set local synchronous_commit = on");
        await world.insert(tx, 1);
        record(happened(1));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.inUseCount()).toBe(0);
    });

    it("does not trust what another server answered on the same connection, as behind a pooler", async () => {
      let unitCount = 0;
      await using world = await createWorld(driver, {
        change: (adapter) => ({
          ...adapter,
          async begin(options) {
            const transaction = await adapter.begin(options);
            if (isQuestion(options)) return transaction;
            unitCount += 1;
            return unitCount === 1 ? transaction : onAnotherServer(transaction);
          },
        }),
      });
      await world.unitOfWork.run(({ record }) => record(happened(1)));
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 2);
        record(happened(2));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([1]);
    });

    it.each(["MY001", "PT409", "U0001"])("is rolled back by a trigger's own error at COMMIT: %s", async (code) => {
      await using world = await createWorld(driver);
      await world.admin.query(`create or replace function refuse_late() returns trigger language plpgsql as $$
          begin raise exception 'refused late' using errcode = '${code}'; end $$;
        create or replace trigger refuse_late after insert on counters for each row execute function refuse_late();
        drop trigger refuse_late on counters;
        create constraint trigger refuse_late after insert on counters deferrable initially deferred
          for each row execute function refuse_late()`);

      const running = world.unitOfWork.run(({ tx }) => driver.query(tx, "insert into counters values ('c', 0)"));

      await expect(running).rejects.toMatchObject({ code });
      await world.admin.query("drop trigger refuse_late on counters");
    });

    it("does not count a unit as committed that has written only on a foreign server", async () => {
      await using world = await createWorld(driver);
      const { port, pathname, password, username } = new URL(world.url);
      await world.admin.query(`create extension if not exists postgres_fdw;
        create server there foreign data wrapper postgres_fdw
          options (host '127.0.0.1', port '${port}', dbname '${pathname.slice(1)}');
        create user mapping for current_user server there options (user '${username}', password '${password}');
        create foreign table rows_there (id int) server there options (table_name 'rows')`);
      void world.proxy.cutBeforeCommit();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "insert into rows_there values (1)");
        record(happened(1));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
      await world.admin.query("drop extension postgres_fdw cascade");
    });

    it("counts a unit that has written nothing as committed", async () => {
      await using world = await createWorld(driver);
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "select * from rows");
        record(happened(1));
      });

      expect(world.handled).toEqual([1]);
    });

    it("asks about the id that a durable store has returned, without a guard of its own", async () => {
      await using world = await createWorld(driver);
      world.bus.register(Happened, durably(world.storeWithProof));
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1]);
      expect(await world.stored("durable_rows")).toEqual([1]);
    });

    it("rejects when the backend is terminated in the middle of COMMIT", async () => {
      await using world = await createWorld(driver);
      await using lock = await holdLock(world);
      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "insert into slow_to_commit values (1)");
        record(happened(1));
      });
      running.catch(() => {});
      await expect.poll(() => lock.hasWaiter()).toBe(true);

      await terminateBackends(world.url, { applicationName: "unit" });

      await expect(running).rejects.not.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
    });

    it.each([
      { fault: "dropCommitReply" as const, stored: [1] },
      { fault: "cutBeforeCommit" as const, stored: [] },
    ])(
      "says that the outcome is unknown when the database cannot be asked, and durable rows tell the truth: $fault",
      async ({ fault, stored }) => {
        await using world = await createWorld(driver, { outcomeTimeoutMs: 300 });
        world.bus.register(Happened, durably(world.store));
        void world.proxy[fault]().then(() => world.proxy.refuseConnections());

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
        });

        await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
        expect(world.handled).toEqual([]);
        expect(world.wakeCount()).toBe(1);
        expect(await world.stored()).toEqual(stored);
        expect(await world.stored("durable_rows")).toEqual(stored);
      },
    );

    it("keeps asking while the database is unreachable, up to outcomeTimeoutMs", async () => {
      await using world = await createWorld(driver);
      let asked = 0;
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          if (!isQuestion(...args)) return begin(...args);
          asked += 1;
          if (asked < 3) throw new Error("unreachable");
          const transaction = await begin(...args);
          return asked === 3 ? { ...transaction, query: inProgress(transaction) } : transaction;
        },
      });
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
      });

      expect(asked).toBe(4);
      expect(world.handled).toEqual([1]);
    });
  });

  describe(`${driver.name}: a connection lost before COMMIT`, () => {
    it("rejects, and neither hangs nor ends the process, when the backend dies between two statements", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        record(happened(1));
        await world.insert(tx, 1);
        await terminateBackends(world.url, { applicationName: "unit" });
        await world.insert(tx, 2);
      });

      await expect(running).rejects.toThrow(/terminat|not queryable/i);
      expect(world.handled).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it("rejects, and knows that nothing was committed, when the backend died and the work swallowed the error", async () => {
      await using world = await createWorld(driver);

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        await terminateBackends(world.url, { applicationName: "unit" });
        await world.insert(tx, 2).catch(() => {});
      });

      await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
      expect(await world.stored()).toEqual([]);
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });

    it.each([
      { impatience: "the driver loses patience", queryTimeoutMs: 200 },
      { impatience: "only the rollback does", queryTimeoutMs: undefined },
    ])("throws the error of the work when the network has gone silent and $impatience", async ({ queryTimeoutMs }) => {
      await using world = await createWorld(driver, queryTimeoutMs === undefined ? {} : { queryTimeoutMs });
      const boom = new Error("boom");

      const running = world.unitOfWork.run(async ({ tx }) => {
        await world.insert(tx, 1);
        world.proxy.goSilent();
        if (queryTimeoutMs !== undefined) await world.insert(tx, 2).catch(() => {});
        throw boom;
      });

      await expect(running).rejects.toBe(boom);
      expect(world.inUseCount()).toBe(0);
      world.proxy.resume();
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });
}

/** A transaction of the package's own has nothing to watch. */
function isQuestion({ watch }: BeginOptions): boolean {
  return watch === undefined;
}

type Query = Transaction<unknown>["query"];

const changed =
  (row: Record<string, unknown>) =>
  (query: Query): Query =>
  async (text, values) => {
    const { rows } = await query(text, values);
    return { rows: rows.map((found) => ({ ...found, ...row })) };
  };
const fromStandby = changed({ isStandby: true });
const fromElsewhere = changed({ databaseId: "7" });
const withStandbys = changed({ hasStandbys: true });
const fromOldPrimary = changed({ timeline: "00000000" });
const fromSibling = changed({ startedAt: "7" });
const forgottenId = changed({ status: null });
const futureId =
  (query: Query): Query =>
  (text, values) =>
    text.includes("pg_xact_status") ? query(text, [String(2 ** 40 + 1_000)]) : query(text, values);

function onAnotherServer<Tx>(transaction: Transaction<Tx>): Transaction<Tx> {
  return {
    ...transaction,
    pipelineCommit: () => undefined,
    async query(text, values) {
      const { rows } = await transaction.query(text, values);
      if (!text.includes("as proof")) return { rows };
      const [id, mark, , ...rest] = String(rows[0]?.["proof"]).split("|");
      return { rows: [{ proof: [id, mark, "7", ...rest].join("|") }] };
    },
  };
}

/** As if the old backend were still at its COMMIT. */
function inProgress<Tx>(transaction: Transaction<Tx>): Transaction<Tx>["query"] {
  return async (text, values) =>
    text.includes("pg_xact_status") ? { rows: [{ status: "in progress" }] } : transaction.query(text, values);
}

function fail(record: (event: object) => void): never {
  record(happened(3));
  throw new Error("boom");
}

async function swallowedError<Tx>(world: World<Tx>, tx: Tx): Promise<void> {
  await world.insert(tx, 1);
  await world.insert(tx, 1).catch(() => {});
}

/** The guard answers as ever; then a query of the work fails that nobody awaits. */
function failingAfterGuard<Tx>(transaction: Transaction<Tx>): Transaction<Tx>["query"] {
  return async (text, values) => {
    const answer = await transaction.query(text, values);
    if (text.includes("pg_current_xact_id_if_assigned")) {
      await transaction.query("select 1 / 0").catch(() => {});
    }
    return answer;
  };
}

/** Holds the lock that a COMMIT of `slow_to_commit` waits for. */
async function holdLock<Tx>(world: World<Tx>): Promise<AsyncDisposable & { hasWaiter: () => Promise<boolean> }> {
  const client = await world.admin.connect();
  await client.query("select pg_advisory_lock(1)");
  return {
    async hasWaiter() {
      const { rowCount } = await world.admin.query("select from pg_locks where locktype = 'advisory' and not granted");
      return (rowCount ?? 0) > 0;
    },
    async [Symbol.asyncDispose]() {
      await client.query("select pg_advisory_unlock_all()");
      client.release();
    },
  };
}
