import { AsyncLocalStorage } from "node:async_hooks";
import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createMemoryUnitOfWork } from "@acme/domain-events/testing";
import { createTestDatabase } from "@acme/test-postgres";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, retry, type Jobs } from "../../src/index.ts";
import { createTestJobs, drain, enqueued, makeDue, type TestJobs } from "../../src/testing/index.ts";
import { collectInto } from "../support/test-jobs.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ n: number }>()) {}
const bill = defineTask("bill", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 60_000 }),
});
const other = defineTask("other", { payload: z.object({}) });
const logger = collectInto([]);
const minute = 60_000;

function inline(then: (n: number, jobs: TestJobs) => unknown = () => undefined) {
  const ran: number[] = [];
  const run = perform(bill, ({ n }) => (ran.push(n), then(n, jobs)));
  const jobs: TestJobs = createTestJobs({ mode: "inline", tasks: () => [run], logger });
  return { jobs, ran };
}

describe("the mode inline", () => {
  it("runs a job, and what follows from it, before enqueue() resolves", async () => {
    const { jobs, ran } = inline(async (n, { enqueue }) => {
      if (n < 3) await enqueue(bill, { n: n + 1 }, { queue: "q" });
      ran.push(-n);
    });

    await jobs.enqueue(bill, { n: 1 }, { queue: "q" });

    // What a job has enqueued follows when it has ended.
    expect(ran).toEqual([1, -1, 2, -2, 3, -3]);
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("runs a job that is enqueued at whatever moment of the end of another one", async () => {
    for (let turns = 0; turns < 60; turns++) {
      const { jobs, ran } = inline();
      const first = jobs.enqueue(bill, { n: 1 });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await Promise.all([first, jobs.enqueue(bill, { n: 2 })]);
      expect([turns, ...ran]).toEqual([turns, 1, 2]);
    }
  });

  it("runs the jobs of a unit when it has committed, before run() resolves, and none of one that rolled back", async () => {
    const { jobs, ran } = inline();
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      jobs.durable(bill, ({ n }) => ({ n })),
    );
    const unitOfWork = createMemoryUnitOfWork({ bus });
    const place = (n: number) =>
      unitOfWork.run(async (unit) => {
        await jobs.enqueue(bill, { n }, { tx: unit });
        unit.record(new OrderPlaced({ n: n + 1 }));
        expect(ran).toEqual([]);
        if (n > 1) throw new Error("undo");
      });

    await expect(place(2)).rejects.toThrow("undo");
    expect(ran).toEqual([]);
    await place(1);
    expect(ran).toEqual([1, 2]);
  });

  it("runs jobs outside of the unit that enqueued them: they have units and keys of their own", async () => {
    const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
    const effects: number[] = [];
    const { jobs } = inline((n, { enqueue }) =>
      unitOfWork.runOnce(`effect ${n}`, async (unit) => {
        effects.push(n);
        if (n === 1) await enqueue(bill, { n: 2 }, { tx: unit });
      }),
    );

    await unitOfWork.runOnce("effect 0", (unit) => jobs.enqueue(bill, { n: 1 }, { tx: unit }));

    expect(effects).toEqual([1, 2]);
  });

  it("runs a job that belongs to no unit outside of the one around enqueue(), and of what is local to its caller", async () => {
    const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
    const caller = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { jobs, ran } = inline((n, { enqueue }) =>
      unitOfWork.run(async (unit) => {
        seen.push(caller.getStore());
        if (n === 1) await enqueue(bill, { n: 2 }, { tx: unit });
      }),
    );

    const undone = unitOfWork.run(async () => {
      await caller.run("request", () => jobs.enqueue(bill, { n: 1 }));
      throw new Error("undo");
    });

    await expect(undone).rejects.toThrow("undo");
    expect([ran, seen]).toEqual([
      [1, 2],
      [undefined, undefined],
    ]);
  });

  it("lets jobs wait for their time, for their next attempt, and for tasks that it does not have", async () => {
    const { jobs, ran } = inline((n) => {
      if (n === 1) throw new Error("broken");
    });

    await jobs.enqueue(bill, { n: 1 });
    await jobs.enqueue(bill, { n: 2 }, { runAt: new Date(Date.now() + minute) });
    await jobs.enqueue(other, {});

    expect(ran).toEqual([1]);
    expect((await enqueued(jobs)).map(({ task, attempts }) => [task, attempts])).toEqual([
      ["bill", 1],
      ["bill", 0],
      ["other", 0],
    ]);
    await makeDue(jobs, bill);
    expect(ran.toSorted()).toEqual([1, 1, 2]);
  });

  it("runs a dead letter that is retried", async () => {
    const { jobs, ran } = inline(() => {
      throw new Error("broken");
    });
    const id = await jobs.enqueue(bill, { n: 1 });
    await jobs.clock.advance(10 * minute);
    expect(ran).toEqual([1, 1, 1]);

    await jobs.deadLetters.retry(id);

    expect(ran).toEqual([1, 1, 1, 1]);
  });

  it("lets timers run while jobs enqueue without end", async () => {
    let isOver = false;
    const { jobs } = inline(async (n, { enqueue }) => {
      if (!isOver) await enqueue(bill, { n });
    });
    setTimeout(() => (isOver = true), 20);

    await jobs.enqueue(bill, { n: 1 });

    expect(isOver).toBe(true);
  });

  it("makes concurrent callers wait for all of it", async () => {
    const { jobs, ran } = inline(() => new Promise(setImmediate));

    await Promise.all([1, 2, 3].map((n) => jobs.enqueue(bill, { n })));

    expect(ran).toEqual([1, 2, 3]);
  });
});

describe("the clock", () => {
  it("makes due what is due by then, without the clock of the process", async () => {
    await using jobs = createTestJobs({ logger });
    const ran: number[] = [];
    const tasks = [perform(bill, ({ n }) => void ran.push(n))];
    await jobs.enqueue(bill, { n: 1 }, { runAt: new Date(Date.now() + minute) });
    await jobs.enqueue(bill, { n: 2 }, { runAt: new Date(Date.now() + 2 * minute) });

    await drain(jobs, { tasks, skipDelays: false });
    expect(ran).toEqual([]);
    await jobs.clock.advance(minute);
    await drain(jobs, { tasks, skipDelays: false });
    expect(ran).toEqual([1]);

    expect(Math.abs(jobs.clock.now().getTime() - Date.now() - minute)).toBeLessThan(10_000);
  });

  it("runs each job at its own time in the mode inline, and retries follow from there", async () => {
    const at: number[] = [];
    const { jobs } = inline((_, { clock }) => {
      at.push(Math.round((clock.now().getTime() - start) / minute));
      throw new Error("broken");
    });
    const start = Date.now();
    await jobs.enqueue(bill, { n: 1 }, { runAt: new Date(start + 10 * minute) });
    await jobs.enqueue(bill, { n: 2 }, { runAt: new Date(start + 60 * minute) });

    await jobs.clock.advance(30 * minute);

    expect(at).toEqual([10, 11, 12]);
    const [letter] = await jobs.deadLetters.list();
    expect(letter?.errors.map((error) => Math.round((Date.parse(error.at) - start) / minute))).toEqual([10, 11, 12]);
  });

  it("follows a clock that a test has faked", async () => {
    await using jobs = createTestJobs({ logger });
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2030-01-01") });
    try {
      await jobs.enqueue(bill, { n: 1 });
      expect((await enqueued(jobs))[0]?.runAt).toEqual(new Date("2030-01-01"));
    } finally {
      vi.useRealTimers();
    }
  });

  it("goes forward only", async () => {
    const { clock } = createTestJobs({ logger });
    for (const ms of [-1, Number.NaN, "1", undefined, 1e15]) {
      await expect(clock.advance(ms as number)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    }
  });
});

describe("a tx in memory", () => {
  const fake = { name: "a fake of a driver's transaction" };
  const enqueue = (jobs: Jobs, n: number) => jobs.enqueue(bill, { n }, { tx: fake as never });

  it("may be the fake that the unit of work hands out: the job belongs to the unit, or savepoint, of its caller", async () => {
    await using jobs = createTestJobs({ logger });
    const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus<typeof fake>(), tx: fake });
    const gate = Promise.withResolvers<void>();

    const kept = unitOfWork.run(async (unit) => {
      await enqueue(jobs, 1);
      const undone = unit.savepoint(async () => {
        await enqueue(jobs, 2);
        throw new Error("undo");
      });
      await expect(undone).rejects.toThrow("undo");
      await gate.promise;
    });
    const undone = unitOfWork.run(async () => {
      await enqueue(jobs, 3);
      gate.resolve();
      await expect(enqueued(jobs, { tx: fake as never })).resolves.toMatchObject([{ payload: { n: 3 } }]);
      throw new Error("undo");
    });

    await Promise.allSettled([kept, undone]);
    expect((await enqueued(jobs, bill)).map(({ payload }) => payload.n)).toEqual([1]);
    await expect(enqueue(jobs, 4)).rejects.toMatchObject({ code: "TRANSACTION_INVALID" });
  });

  it("is refused if it is of a database, which is left as it was", async () => {
    await using database = await createTestDatabase();
    await using jobs = createTestJobs({ logger });
    const unitOfWork = createUnitOfWork(pgTransactions(database.pool()), { bus: createEventBus() as never });
    const refused = { code: "NOT_IN_MEMORY" };

    const client = await database.pool().connect();
    await client.query("begin");
    const asked = vi.spyOn(client, "query");
    await expect(jobs.enqueue(bill, { n: 1 }, { tx: client })).rejects.toMatchObject(refused);
    expect(asked).not.toHaveBeenCalled();
    await client.query("rollback");
    client.release();
    await unitOfWork.run(async (unit) => {
      await expect(jobs.enqueue(bill, { n: 1 }, { tx: unit })).rejects.toMatchObject(refused);
      await expect(jobs.enqueue(bill, { n: 1 }, { tx: unit.tx as never })).rejects.toMatchObject(refused);
      expect((await unit.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    });

    expect(await enqueued(jobs)).toEqual([]);
  });

  it("is refused for durable handlers of a unit over a database, which rolls back", async () => {
    await using database = await createTestDatabase();
    await using jobs = createTestJobs({ logger });
    const bus = createEventBus<never>();
    bus.register(
      OrderPlaced,
      jobs.durable(bill, ({ n }) => ({ n })),
    );
    const unitOfWork = createUnitOfWork(pgTransactions(database.pool()), { bus: bus as never });

    const placed = unitOfWork.run(({ record }) => record(new OrderPlaced({ n: 1 })));

    await expect(placed).rejects.toMatchObject({ code: "NOT_IN_MEMORY" });
  });
});

describe("jobs of a database in a unit without one", () => {
  it.each([
    ["beside the data", {}],
    ["in another database", { outbox: { connection: "postgres://localhost:1/data" } }],
  ])("are refused, and the unit rolls back, with jobs %s", async (_, options) => {
    await using jobs = createJobs({ connection: "postgres://localhost:1/jobs", ...options, logger });
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      jobs.durable(bill, ({ n }) => ({ n })),
    );
    const unitOfWork = createMemoryUnitOfWork({ bus });
    const refused = { code: "TRANSACTION_INVALID", message: expect.stringContaining("createTestJobs()") as string };

    const placed = unitOfWork.run(({ record }) => record(new OrderPlaced({ n: 1 })));
    await expect(placed).rejects.toMatchObject(refused);
    const enqueuing = unitOfWork.run((unit) => jobs.enqueue(bill, { n: 1 }, { tx: unit }));
    await expect(enqueuing).rejects.toMatchObject(refused);
  });
});

describe("what is not in memory", () => {
  it("is refused with a code that says so", async () => {
    const jobs = createTestJobs({ logger });
    const refused = { code: "NOT_IN_MEMORY" };

    expect(() => jobs.startRelay()).toThrow(expect.objectContaining(refused) as Error);
    await expect(jobs.startWorker({ tasks: [perform(bill, () => undefined)] })).rejects.toMatchObject(refused);
    await expect(jobs.purgeIdempotencyKeys(createMemoryUnitOfWork())).rejects.toMatchObject(refused);
    for (const name of Object.keys(jobs.admin) as (keyof typeof jobs.admin)[]) {
      if (["pause", "resume", "pauses"].includes(name)) continue;
      await expect((jobs.admin[name] as () => unknown)()).rejects.toMatchObject(refused);
    }
    expect(Object.keys(jobs.admin)).toContain("overview");
  });

  it("is no option either", () => {
    for (const options of [
      { mode: "auto" },
      { connection: "postgres://" },
      { mode: "inline" },
      { tasks: [perform(bill, () => undefined)] },
    ]) {
      expect(() => createTestJobs(options as never)).toThrow(
        expect.objectContaining({ code: "OPTIONS_INVALID" }) as Error,
      );
    }
  });
});

describe("drains beside each other", () => {
  it("run each job once, and the second waits for what the first one runs", async () => {
    await using jobs = createTestJobs({ logger });
    const ran: number[] = [];
    const tasks = [perform(bill, ({ n }) => (ran.push(n), new Promise<void>((resolve) => setImmediate(resolve))))];
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }, { n: 3 }]);

    const counts = await Promise.all([drain(jobs, { tasks }), drain(jobs, { tasks })]);

    expect(ran.toSorted()).toEqual([1, 2, 3]);
    expect(counts.reduce((sum, { doneCount }) => sum + doneCount, 0)).toBe(3);
  });

  it("do not use up a limit while the other one runs a job", async () => {
    await using jobs = createTestJobs({ logger });
    const ran: number[] = [];
    const end = Promise.withResolvers<void>();
    const first = perform(bill, async ({ n }) => {
      ran.push(n);
      if (n > 1) return;
      await end.promise;
      await jobs.enqueue(bill, { n: 2 });
    });
    await jobs.enqueue(bill, { n: 1 });

    const begun = drain(jobs, { tasks: [first], limit: 1 });
    const beside = drain(jobs, { tasks: [first], limit: 1 });
    end.resolve();

    expect(await Promise.all([begun, beside])).toMatchObject([{ doneCount: 1 }, { doneCount: 1 }]);
    expect(ran).toEqual([1, 2]);
  });

  it("run two jobs at once, but not two of a named queue", async () => {
    await using jobs = createTestJobs({ logger });
    const running = { named: 0, free: 0, mostNamed: 0, mostFree: 0 };
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const named = perform(bill, async () => {
      running.mostNamed = Math.max(running.mostNamed, ++running.named);
      await turn();
      running.named -= 1;
    });
    const free = perform(other, async () => {
      running.mostFree = Math.max(running.mostFree, ++running.free);
      await turn();
      running.free -= 1;
    });
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }, { n: 3 }], { queue: "q" });
    await jobs.enqueueMany(other, [{}, {}]);

    await Promise.all([drain(jobs, { tasks: [named] }), drain(jobs, { tasks: [named] })]);
    await Promise.all([drain(jobs, { tasks: [free] }), drain(jobs, { tasks: [free] })]);

    expect(running).toMatchObject({ mostNamed: 1, mostFree: 2 });
  });
});
