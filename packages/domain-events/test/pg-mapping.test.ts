import { dropDatabasesAfterwards } from "../src/conformance/databases.ts";
import type { PoolClient } from "pg";
import { describe, expect, it } from "vitest";
import { beforeCommit, createEventBus, createUnitOfWork, type TransactionAdapter } from "../src/index.ts";
import { pgTransactions } from "../src/pg.ts";
import { pgDriver } from "./conformance/drivers.ts";
import { gate, Happened, happened } from "../src/conformance/events.ts";
import { createWorld, type World } from "../src/conformance/world.ts";

dropDatabasesAfterwards();

/** Like the session of an ORM, it keeps rows in memory until it is told to send them. */
class Session {
  readonly client: PoolClient;
  readonly #kept: number[] = [];
  onFlush: () => unknown = () => {};

  constructor(client: PoolClient) {
    this.client = client;
  }

  persist(id: number): void {
    this.#kept.push(id);
  }

  async flush(): Promise<void> {
    for (const id of this.#kept.splice(0)) {
      await this.client.query("insert into rows values ($1)", [id]).catch((cause: unknown) => {
        throw new Error("could not flush", { cause });
      });
      await this.onFlush();
    }
  }
}

type MappedWorld = World<PoolClient> & ReturnType<typeof sessionsIn>;

async function createSessions(): Promise<MappedWorld> {
  const world = await createWorld(pgDriver);
  return Object.assign(world, sessionsIn(world));
}

function sessionsIn(world: World<PoolClient>) {
  const bus = createEventBus<Session>({ logger: world.log });
  bus.register(Happened, ({ n }) => world.handled.push(n));
  const made: Session[] = [];
  const mapping = {
    tx(client: PoolClient) {
      made.push(new Session(client));
      return made.at(-1)!;
    },
    beforeCommit: (session: Session) => session.flush(),
  };
  const adapter = pgTransactions(world.adapter.database as never, mapping as never);
  return { made, mapping, sessionBus: bus, sessions: createUnitOfWork<Session>(adapter as never, { bus }) };
}

describe("pgTransactions with a data layer on top", () => {
  it("sends what is kept in memory before COMMIT, and commits it with the events", async () => {
    await using world = await createSessions();

    await world.sessions.run(({ tx, record }) => {
      tx.persist(1);
      record(happened(1));
    });

    expect([world.handled, await world.stored()]).toEqual([[1], [1]]);
  });

  it("rolls back, publishes nothing and rejects with the error when sending fails", async () => {
    await using world = await createSessions();

    const running = world.sessions.run(({ tx, record }) => {
      tx.persist(1);
      tx.persist(1);
      record(happened(1));
    });

    await expect(running).rejects.toMatchObject({ message: "could not flush", cause: { code: "23505" } });
    expect([world.handled, await world.stored(), world.inUseCount()]).toEqual([[], [], 0]);
  });

  it("says TRANSACTION_ABORTED when sending fails only because an error was swallowed before", async () => {
    await using world = await createSessions();

    const running = world.sessions.run(async ({ tx }) => {
      await tx.client.query("select 1 / 0").catch(() => {});
      tx.persist(1);
    });

    await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
  });

  it("takes the events that are recorded while it sends, and what beforeCommit handlers leave in memory", async () => {
    await using world = await createSessions();
    world.sessionBus.register(
      Happened,
      beforeCommit(({ n }, { tx }) => void (n < 3 && tx.persist(10 + n))),
    );

    await world.sessions.run(({ tx, record }) => {
      let flushedCount = 0;
      tx.onFlush = () => record(happened(++flushedCount));
      tx.persist(1);
    });

    expect([world.handled, await world.stored()]).toEqual([
      [1, 2, 3],
      [1, 11, 12],
    ]);
  });

  it("keeps what was changed before a savepoint out of it, and what was changed inside in it", async () => {
    await using world = await createSessions();

    await world.sessions.run(async ({ tx, savepoint }) => {
      tx.persist(1);
      await savepoint(async (part) => {
        part.tx.persist(2);
        await part.tx.flush();
        throw new Error("boom");
      }).catch(() => {});
      await expect(savepoint((part) => part.tx.persist(1))).rejects.toThrow("could not flush");
      await savepoint((part) => part.tx.persist(3));
    });

    expect(await world.stored()).toEqual([1, 3]);
  });

  it("opens one savepoint at a time, also where two are asked for while it sends", async () => {
    await using world = await createSessions();

    await world.sessions.run(async ({ savepoint }) => {
      const asked = [1, 2].map((id) => savepoint(({ tx }) => tx.persist(id)));
      const [, second] = await Promise.allSettled(asked);
      expect(second).toMatchObject({ status: "rejected", reason: { code: "SAVEPOINT_OPEN" } });
      await savepoint(({ tx }) => tx.persist(3));
    });

    expect(await world.stored()).toEqual([1, 3]);
  });

  it("keeps a savepoint from ending while one inside it sends, and is not awaited", async () => {
    await using world = await createSessions();
    const [sending, ended] = [gate(), gate()];

    await world.sessions.run(async ({ savepoint }) => {
      let inner: Promise<unknown> | undefined;
      const outer = savepoint(async (part) => {
        part.tx.persist(1);
        part.tx.onFlush = () => {
          sending.open();
          return ended.opened;
        };
        inner = part.savepoint(() => {});
        inner.catch(() => {});
        await sending.opened;
      });
      await expect(outer).rejects.toMatchObject({ code: "SAVEPOINT_OPEN" });
      ended.open();
      await expect(inner).rejects.toMatchObject({ code: "SAVEPOINT_ENDED" });
    });

    expect(await world.stored()).toEqual([]);
  });

  it("rolls the unit back when sending fails before a savepoint, even if that error is swallowed", async () => {
    await using world = await createSessions();

    const running = world.sessions.run(async ({ tx, savepoint }) => {
      await tx.client.query("savepoint mine");
      tx.persist(1);
      tx.persist(1);
      await savepoint(() => {}).catch(() => {});
      await tx.client.query("rollback to savepoint mine");
    });

    await expect(running).rejects.toMatchObject({ code: "UNIT_DOOMED", cause: { message: "could not flush" } });
    expect(await world.stored()).toEqual([]);
  });

  it("gives a joined run the tx of its own adapter, the same for all of them, and sends what that keeps", async () => {
    await using world = await createSessions();
    const bare = createUnitOfWork(world.adapter, { bus: world.sessionBus as never });

    await bare.run(async ({ tx: client }) => {
      await Promise.all([1, 2].map((id) => world.sessions.run(({ tx }) => tx.persist(id))));
      await world.sessions.run(({ tx }) => expect(tx.client).toBe(client));
      await client.query("insert into rows values (3)");
    });

    expect(world.made).toHaveLength(1);
    expect(await world.stored()).toEqual([1, 2, 3]);
  });

  it("gives an adapter on top of its own the same tx, also where two runs ask for it at once", async () => {
    await using world = await createSessions();
    const mapped = pgTransactions(
      world.adapter.database as never,
      world.mapping as never,
    ) as TransactionAdapter<Session>;
    const onTop = createUnitOfWork<Session>(
      { ...mapped, adopt: (handle) => mapped.adopt?.(handle) },
      { bus: world.sessionBus },
    );
    const direct = createUnitOfWork<Session>(mapped, { bus: world.sessionBus });

    await direct.run(async ({ tx }) => {
      await Promise.all([1, 2].map(() => onTop.run((joined) => expect(joined.tx).toBe(tx))));
    });
    await createUnitOfWork(world.adapter, { bus: world.sessionBus as never }).run(() =>
      Promise.all([direct.run(({ tx }) => tx.persist(1)), onTop.run(({ tx }) => tx.persist(2))]),
    );

    expect(world.made).toHaveLength(2);
    expect(await world.stored()).toEqual([1, 2]);
  });

  it("gives a joined run of the client's own adapter the client", async () => {
    await using world = await createSessions();
    const bare = createUnitOfWork(world.adapter, { bus: world.sessionBus as never });

    await world.sessions.run(async ({ tx }) => {
      await bare.run((joined) => expect(joined.tx).toBe(tx.client));
    });
  });

  it("retries a serialization failure that the data layer has wrapped", async () => {
    await using world = await createSessions();
    let runs = 0;

    await world.sessions.run(
      async ({ tx, record }) => {
        runs += 1;
        record(happened(runs));
        await tx.client.query("select * from counters");
        if (runs === 1) await world.admin.query("update counters set value = value + 1 where id = 'a'");
        await tx.client.query("update counters set value = value + 10 where id = 'a'").catch(() => {
          throw new Error("wrapped, without a cause");
        });
      },
      { isolation: "repeatable read" },
    );

    expect([runs, world.handled]).toEqual([2, [2]]);
  });

  it("gives the connection back, and begins again with the next unit, when tx cannot be made", async () => {
    await using world = await createSessions();
    const failing = pgTransactions(world.adapter.database as never, {
      tx: () => Promise.reject(new Error("no session")),
    });

    const running = createUnitOfWork<unknown>(failing, { bus: world.sessionBus as never }).run(() => {});

    await expect(running).rejects.toThrow("no session");
    expect(world.inUseCount()).toBe(0);
    await world.sessions.run(({ tx }) => tx.persist(1));
    expect(await world.stored()).toEqual([1]);
  });

  it("makes no tx for the unit of work's own statements", async () => {
    await using world = await createSessions();

    await world.sessions.migrate();
    await world.sessions.purgeIdempotencyKeys({ olderThanMs: 0 });

    expect(world.made).toEqual([]);
  });

  it("refuses statements once the unit has ended, and a mapping without tx", async () => {
    await using world = await createSessions();
    const kept = await world.sessions.run(({ tx }) => tx);

    await expect(kept.client.query("select 1")).rejects.toMatchObject({ code: "UNIT_ENDED" });
    const pool = world.adapter.database as never;
    for (const wrong of [{}, null, "tx"])
      expect(() => pgTransactions(pool, wrong as never)).toThrow(expect.objectContaining({ code: "ADAPTER_INVALID" }));
  });
});
