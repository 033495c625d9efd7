import { createTestDatabase } from "@acme/test-postgres";
import { Client, Pool, type PoolClient } from "pg";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createUnitOfWork } from "../src/index.ts";
import { pgTransactions } from "../src/pg.ts";
import { describeOnOwnServers } from "./conformance/describe-on-own-servers.ts";
import { pgDriver } from "./conformance/drivers.ts";
import { happened } from "../src/conformance/events.ts";
import { createWorld } from "../src/conformance/world.ts";

describeOnOwnServers(pgDriver);

it("hands over the pool's own client, apart from what would end the transaction", async () => {
  await using world = await createWorld(pgDriver);

  await world.unitOfWork.run(async ({ tx }) => {
    expect(tx.escapeIdentifier("a b")).toBe('"a b"');
    expect(await tx.query({ text: "select $1::int as one", values: [1] })).toMatchObject({ rows: [{ one: 1 }] });
    const byCallback = await new Promise((resolve, reject) => {
      tx.query("select 2 as two", (error, result) => (error ? reject(error) : resolve(result.rows)));
    });
    expect(byCallback).toEqual([{ two: 2 }]);
  });
});

it("rejects with the driver's error when no connection can be had", async () => {
  const unreachable = new Pool({ host: "127.0.0.1", port: 1 });

  const running = createUnitOfWork(pgTransactions(unreachable)).run(() => {});

  await expect(running).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

it("passes on the server's answer even if a listener of the pool throws when the connection goes back", async () => {
  await using database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url });
  // The pool itself forgets that connection.
  pool.on("error", () => {});
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  await pool.query("create table rows (id int)");
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  await unitOfWork.run(() => {});
  const failure = new Error("from the listener");
  pool.once("release", () => {
    throw failure;
  });

  const running = unitOfWork.run(async ({ tx }) => {
    await tx.query("insert into rows values (1)");
    return "stored";
  });

  await expect(running).resolves.toBe("stored");
  expect(warned).toHaveBeenCalledWith(failure);
  await pool.query("select");
});

it("refuses what is not a pool, and says what to give", () => {
  for (const wrong of [undefined, {}, "postgres://localhost", new Client()]) {
    expect(() => pgTransactions(wrong as never)).toThrow(
      expect.objectContaining({ code: "ADAPTER_INVALID", message: expect.stringContaining("new pg.Pool") }),
    );
  }
});

it("keeps what is set on the client of a unit from the next one: its pool has the same client", async () => {
  await using database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1 });
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  const texts: unknown[] = [];

  await unitOfWork.run(async ({ tx }) => {
    const { query } = tx;
    tx.query = ((...args: unknown[]) => {
      texts.push(args[0]);
      return Reflect.apply(query, tx, args);
    }) as never;
    await tx.query("select 1");
  });
  await unitOfWork.run(({ tx }) => tx.query("select 2"));
  await pool.query("select 3");

  expect(texts).toEqual(["select 1"]);
  await pool.end();
});

/** As an application gives one to its driver that is no `Promise`, nor derived from it. */
class OtherPromise<Value> implements PromiseLike<Value> {
  static readonly resolve = (value: unknown) => new OtherPromise((resolve) => resolve(value));
  static readonly reject = (error: unknown) => new OtherPromise((_resolve, reject) => reject(error));
  readonly #own: Promise<Value>;

  constructor(executor: ConstructorParameters<typeof Promise<Value>>[0]) {
    this.#own = new Promise(executor);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is what it is.
  then: Promise<Value>["then"] = (...reactions) => this.#own.then(...reactions);

  catch(reaction: (error: unknown) => Value): OtherPromise<Value> {
    return new OtherPromise((resolve) => resolve(this.#own.catch(reaction)));
  }
}

it("hears what the server answers also where the driver's promises are of another make", async () => {
  await using database = await createTestDatabase();
  const options = { connectionString: database.url, Promise: OtherPromise as never };
  const pool = new Pool(options);
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  let runs = 0;

  await unitOfWork.run(async ({ tx }) => {
    runs += 1;
    if (runs > 1) return;
    const conflict = tx.query("do $$ begin raise exception 'late' using errcode = '40001'; end $$");
    await Promise.resolve(conflict).catch(() => {
      throw new Error("wrapped");
    });
  });

  expect(runs).toBe(2);
  await pool.end();
});

it("detects a savepoint that is left by the name of a prepared statement", async () => {
  await using world = await createWorld(pgDriver);
  await world.unitOfWork.run(async ({ tx }) => {
    await tx.query("savepoint s");
    await tx.query({ name: "back", text: "rollback to savepoint s" });
  });

  const running = world.unitOfWork.run(async ({ tx, record }) => {
    await tx.query("savepoint s");
    await world.insert(tx, 1);
    record(happened(1));
    await tx.query({ name: "back", text: undefined as never });
  });

  await expect(running).rejects.toMatchObject({ code: "TRANSACTION_OWNED" });
  expect([world.handled, await world.stored()]).toEqual([[], []]);
});

describe("what an application has added to its clients", () => {
  class OwnClient extends Client {
    #sentCount = 0;

    async exec(text: string): Promise<unknown[]> {
      this.#sentCount += 1;
      return (await this.query(text)).rows;
    }

    get sentCount(): number {
      return this.#sentCount;
    }

    get db(): { exec: (text: string) => Promise<unknown> } {
      this.#sentCount += 1;
      return { exec: (text) => this.query(text) };
    }
  }
  type Tx = OwnClient & { added: (text: string) => Promise<unknown>; closed: (text: string) => Promise<unknown> };
  const ways = [
    ["a method of a derived class", (tx: Tx, text: string) => tx.exec(text)],
    ["an accessor of a derived class", (tx: Tx, text: string) => tx.db.exec(text)],
    ["a function of its own", (tx: Tx, text: string) => tx.added(text)],
    ["a function that knows the client itself", (tx: Tx, text: string) => tx.closed(text)],
    [
      "a listener that speaks of `this`",
      (tx: Tx, text: string) =>
        new Promise((resolve, reject) => {
          tx.once("notice", function listener(this: Tx) {
            this.query(text).then(resolve, reject);
          });
          tx.emit("notice" as never);
        }),
    ],
  ] as const;

  it.each(ways)("is seen when it sends: %s", async (_, send) => {
    await using world = await createWorld(pgDriver);
    const pool = new Pool({ connectionString: world.url, max: 1, Client: OwnClient } as never);
    pool.on("connect", (client) =>
      Object.assign(client, {
        added(this: PoolClient, text: string) {
          return this.query(text);
        },
        closed: (text: string) => client.query(text),
      }),
    );
    const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus: world.bus as never });
    await unitOfWork.run(async ({ tx, record }) => {
      const own = tx as unknown as Tx;
      await send(own, "insert into rows values (1)");
      record(happened(1));
      await send(own, "savepoint mine");
      await send(own, "insert into rows values (2)");
      record(happened(2));
      await send(own, "rollback to savepoint mine");
    });

    expect([world.handled, await world.stored()]).toEqual([[1], [1]]);
    await pool.end();
  });

  it.each([
    ["deleted", (client: object) => void Reflect.deleteProperty(client, "query")],
    ["put back", (client: Client, before: Client["query"]) => void (client.query = before)],
    ["left there, and takes its time", () => {}],
  ] as const)("is seen also once a wrapper of query() has been %s", async (_, takeOff) => {
    await using world = await createWorld(pgDriver);
    const pool = new Pool({ connectionString: world.url, max: 1, Client: OwnClient } as never);
    const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus: world.bus as never });
    await unitOfWork.run(({ tx }) => tx.query("select 1"));
    const client = await pool.connect();
    const { query } = client;
    client.query = (async (...args: unknown[]) => {
      await Promise.resolve();
      return Reflect.apply(query, client, args) as unknown;
    }) as never;
    client.release();
    await unitOfWork.run(({ tx }) => tx.query("select 1"));
    takeOff(client, query as never);

    for (const n of [1, 2]) {
      await unitOfWork.run(async ({ tx, record }) => {
        const own = tx as unknown as Tx;
        await own.exec("savepoint mine");
        await own.exec(`insert into rows values (${n})`);
        record(happened(n));
        await own.exec("rollback to savepoint mine");
      });
    }

    expect([world.handled, await world.stored()]).toEqual([[], []]);
    await pool.end();
  });

  it("gives a connection back whose query() cannot be replaced", async () => {
    await using world = await createWorld(pgDriver, {
      onClient: (client) => Object.defineProperty(client, "query", { value: client.query }),
    });

    await expect(world.unitOfWork.run(({ tx }) => tx.query("select 1"))).rejects.toThrow(TypeError);
    expect(world.inUseCount()).toBe(0);
  });

  it("goes on when somebody wraps the handle, and loses nothing by it", async () => {
    await using world = await createWorld(pgDriver, {
      onClient: (client) => Object.assign(client, { tenant: "mine" }),
    });
    const texts: unknown[] = [];

    for (const n of [1, 2]) {
      await world.unitOfWork.run(async ({ tx, record }) => {
        const logged = Object.create(tx) as typeof tx;
        logged.query = ((text: string) => {
          texts.push(text);
          return tx.query(text);
        }) as never;
        await logged.query(`insert into rows values (${n})`);
        record(happened(n));
        Reflect.deleteProperty(tx, "tenant");
        Reflect.deleteProperty(tx, "query");
        expect(["tenant" in tx, Object.hasOwn(logged, "query")]).toEqual([true, true]);
      });
    }

    expect(texts).toHaveLength(2);
    expect([world.handled, await world.stored()]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("can be spied on, as can query() itself", async () => {
    await using world = await createWorld(pgDriver);

    await world.unitOfWork.run(async ({ tx, record }) => {
      const query = vi.spyOn(tx, "query");
      await tx.query("savepoint mine");
      record(happened(1));
      await tx.query("rollback to savepoint mine");
      expect(query).toHaveBeenCalledTimes(2);
      query.mockRestore();
      await tx.query("select 1");
    });

    expect(world.handled).toEqual([]);
  });
});

it("goes on listening to a client whose listeners the work has removed, and removes those of the work alone", async () => {
  await using database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1 });
  const unitOfWork = createUnitOfWork(pgTransactions(pool));
  const counts: number[] = [];
  const inUnit = (work: (client: PoolClient) => unknown) =>
    unitOfWork.run(async ({ tx }) => {
      await work(tx);
      counts.push(tx.listenerCount("error"));
    });

  await inUnit(() => {});
  await inUnit((tx) => tx.on("error", () => {}).removeAllListeners("error"));
  const client = await pool.connect();
  client.removeAllListeners();
  client.release();
  await inUnit(() => {});

  expect(counts[1]).toBe(counts[0]);
  expect(counts[2]).toBeGreaterThan(0);
  await pool.end();
});

it("calls a listener in the context of whoever has added it, also one that others have added before", async () => {
  await using world = await createWorld(pgDriver);
  let n = 0;
  const refused: unknown[] = [];
  const publish = () => void world.bus.publish(happened((n += 1))).catch((error: unknown) => refused.push(error));

  await world.unitOfWork.run(async ({ tx, savepoint }) => {
    tx.once("notice", publish);
    await tx.query("do $$ begin raise notice 'outside'; end $$");
    await savepoint(async () => {
      tx.once("notice", publish);
      await tx.query("do $$ begin raise notice 'inside'; end $$");
      throw new Error("boom");
    }).catch(() => {});
  });

  expect([world.handled, refused, n]).toEqual([[1], [], 2]);
});
