import { startProxy } from "@acme/test-postgres";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { freeDesertedQueues } from "../../src/graphile/job-locks.ts";
import { createJobs, perform } from "../../src/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };
const later = { runAt: new Date(Date.now() + 3_600_000) };

describe("a worker that comes back from a broken network", () => {
  it("leaves a job alone that another worker has taken over meanwhile, and its named queue", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using cutOff = createJobs({ connection: proxy.url, logger: collectInto([]) });
    await using workers = new AsyncDisposableStack();
    const [first, second] = [holding(), holding()];
    workers.use(await start(cutOff, first));
    await test.jobs.enqueue(killable, { n: 1 }, { queue: "one" });
    await first.begun(1);

    proxy.refuseConnections();
    proxy.cutAll();
    workers.use(await start(test.jobs, second));
    await second.begun(1);
    await test.jobs.enqueue(killable, { n: 2 }, { queue: "one" });
    await proxy.acceptConnections();
    await expect.poll(() => livingCount(test)).toBe(2);
    first.finish(1);
    await first.ended(1);
    // Another round of it, so that what it has written is there.
    await expect.poll(() => livingCount(test)).toBe(2);

    expect(await storedJobs(test.jobsPool)).toHaveLength(2);
    second.finish(1);
    await expect.poll(() => [...first.order, ...second.order].filter((n) => n === 2)).toEqual([2]);
    first.finish(2);
    second.finish(2);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => lockedQueues(test)).toBe(0);
  });
});

describe("a job that its own worker fetches again while the old code still runs", () => {
  it.each([
    [undefined, "succeeds"],
    ["one", "succeeds"],
    ["one", "fails"],
  ] as const)("waits for that code, which writes nothing any more; named queue: %s, it %s", async (queue, how) => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    workers.use(await start(test.jobs, held));
    const options = queue === undefined ? {} : { queue };
    await test.jobs.enqueue(killable, { n: 1 }, options);
    await held.begun(1);
    await test.jobs.enqueue(killable, { n: 2 }, { ...options, ...later });

    // As another worker frees what a dead one had locked; all of those that had may have gone since.
    await test.jobsPool.query(
      `select graphile_worker.force_unlock_workers(array(select locked_by from graphile_worker.jobs where locked_by is not null))`,
    );
    await looked(test, held);
    await looked(test, held);
    expect(held.order.filter((n) => n === 1)).toHaveLength(1);

    if (how === "succeeds") held.finish(1);
    else held.fail(1);
    await held.ended(1);
    await expect.poll(() => held.order.filter((n) => n === 1)).toHaveLength(2);
    held.finish(1);
    await expect.poll(() => storedJobs(test.jobsPool)).toHaveLength(1);
    await expect.poll(() => lockedQueues(test)).toBe(0);
    const { rows } = await test.jobsPool.query("select from acme_jobs.failures where not is_settled");
    expect(rows).toEqual([]);
  });
});

describe("a job that its own worker fetches again and returns without having run it", () => {
  it("is free while the old code still runs, and is not deleted when that ends", async () => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    workers.use(await start(test.jobs, held));
    // Only of short jobs some are taken before there is room to run them.
    for (let times = 0; times < 20; times += 1) await looked(test, held);
    await test.jobs.enqueue(killable, { n: 1 }, { priority: 1 });
    await held.begun(1);

    const client = await test.jobsPool.connect();
    await client.query("begin");
    await client.query(
      "select graphile_worker.force_unlock_workers(array(select locked_by from graphile_worker.jobs where locked_by is not null))",
    );
    await test.jobs.enqueueMany(killable, [{ n: 2 }, { n: 3 }, { n: 4 }], { tx: client });
    await client.query("commit");
    client.release();
    await held.begun(4);
    expect(await lockedBy(test)).not.toContain(null);

    await expect.poll(() => lockedBy(test), { timeout: 10_000 }).toContain(null);
    held.finish(1);
    await held.ended(1);
    held.finish(2);
    await expect.poll(() => held.order.filter((n) => n === 1)).toHaveLength(2);
    held.finish(3);
    held.finish(4);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });
});

describe("a jobs database that has replaced another one", () => {
  it("has tasks with other ids, which the worker reads anew", async () => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    await test.jobsPool.query("insert into graphile_worker._private_tasks (identifier) values ('theirs')");
    workers.use(await start(test.jobs, held));
    await looked(test, held);

    await test.jobsPool.query(`
      update graphile_worker._private_tasks set identifier = 'nobody''s' where identifier = 'theirs';
      update graphile_worker._private_tasks set identifier = 'theirs' where identifier = 'killable';
      update graphile_worker._private_tasks set identifier = 'killable' where identifier = 'nobody''s';
      update acme_jobs.installation set id = gen_random_uuid()`);
    await test.jobs.enqueue(killable, { n: 1 });

    await held.begun(1);
    held.finish(1);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });
});

describe("a job that has the id of one that ran when its database was created anew", () => {
  it.each([undefined, "one"])("is not deleted when that one ends; named queue: %s", async (queue) => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    workers.use(await start(test.jobs, held));
    await test.jobs.enqueue(killable, { n: 1 }, { ...(queue && { queue }) });
    await held.begun(1);

    await test.jobsPool.query("truncate graphile_worker._private_jobs restart identity");
    await test.jobs.enqueue(killable, { n: 2 }, later);
    held.finish(1);
    await held.ended(1);
    // What is enqueued after its end is done after it, too.
    await test.jobs.enqueue(killable, { n: 3 });
    await held.begun(3);

    expect((await storedJobs(test.jobsPool)).length).toBe(2);
    held.finish(3);
  });
});

describe("a job that runs for longer than four hours", () => {
  it("stays with its worker while that lives, and a lock without a worker is freed", async () => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    workers.use(await start(test.jobs, held));
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }], { queue: "one" });
    await held.begun(1);
    await test.jobs.enqueue(killable, { n: 3 }, { ...later, queue: "two" });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'plain', locked_at = now() where payload::text like '%3%'",
    );
    for (const table of ["_private_jobs", "_private_job_queues"]) {
      await test.jobsPool.query(
        `update graphile_worker.${table} set locked_at = now() - interval '4 hours 1 minute' where locked_at is not null`,
      );
    }

    // A pool of Graphile Worker frees old locks within its first minute, at a random moment.
    vi.spyOn(Math, "random").mockReturnValue(0.001);
    onTestFinished(() => void vi.restoreAllMocks());
    const other = holding();
    workers.use(await start(test.jobs, other));

    await expect.poll(() => lockedBy(test)).not.toContain("plain");
    expect((await lockedBy(test)).filter((pool) => pool !== null)).toHaveLength(1);
    expect([held.order, other.order]).toEqual([[1], []]);
    expect(await lockedQueues(test)).toBe(1);
    held.finish(1);
    await expect.poll(() => [...held.order, ...other.order]).toContain(2);
    held.finish(2);
    other.finish(2);
  });
});

describe("a named queue whose job was removed by hand while it ran", () => {
  it("is free again a minute later, and one whose job runs is not", async () => {
    await using test = await createTestJobs();
    await using workers = new AsyncDisposableStack();
    const held = holding();
    workers.use(await start(test.jobs, held));
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }], { queue: "deserted" });
    await test.jobs.enqueueMany(killable, [{ n: 3 }, { n: 4 }], { queue: "busy" });
    await held.begun(1);
    await held.begun(3);
    await test.jobsPool.query("delete from graphile_worker._private_jobs where payload::text like '%1%'");
    const lockedSince = (minutes: number) =>
      test.jobsPool.query(
        "update graphile_worker._private_job_queues set locked_at = now() - $1::int * interval '1 minute'",
        [minutes],
      );

    await lockedSince(0);
    await freeDesertedQueues(test.jobsPool);
    const atOnce = await lockedQueues(test);
    await lockedSince(2);
    workers.use(await start(test.jobs, held));

    await held.begun(2);
    expect(atOnce).toBe(2);
    expect(held.order).toEqual([1, 3, 2]);
    for (const n of [1, 2, 3, 4]) held.finish(n);
  });
});

/** Runs of `killable` that end when they are told to. */
function holding() {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const gate = (n: number) => {
    const found = gates.get(n) ?? Promise.withResolvers<void>();
    gates.set(n, found);
    return found;
  };
  const order: number[] = [];
  const endedOnes: number[] = [];
  return {
    order,
    task: perform(killable, async ({ n }) => {
      order.push(n);
      try {
        await gate(n).promise;
      } finally {
        setImmediate(() => endedOnes.push(n));
      }
    }),
    async begun(n: number) {
      await expect.poll(() => order, { timeout: 10_000 }).toContain(n);
    },
    async ended(n: number) {
      await expect.poll(() => endedOnes).toContain(n);
    },
    finish: (n: number) => gate(n).resolve(),
    /** Once: the next run of it waits again. */
    fail(n: number) {
      gate(n).reject(new Error("on purpose"));
      gates.delete(n);
    },
  };
}

async function start(jobs: TestJobs["jobs"], { task }: ReturnType<typeof holding>): Promise<AsyncDisposable> {
  const worker = await jobs.startWorker({ tasks: [task], concurrency: 4, ...quick });
  return { [Symbol.asyncDispose]: () => worker.stop({ deadlineMs: 0 }).catch(() => undefined) };
}

let lookCount = 1_000;

/** Resolves when the worker has been given jobs once more. */
async function looked({ jobs }: TestJobs, held: ReturnType<typeof holding>): Promise<void> {
  const n = lookCount++;
  held.finish(n);
  await jobs.enqueue(killable, { n }, { priority: 10 });
  await held.begun(n);
}

/** Workers that have just given a heartbeat. */
async function livingCount({ jobsPool }: TestJobs): Promise<number> {
  const { rowCount } = await jobsPool.query(
    "select from acme_jobs.workers where heartbeat_at > clock_timestamp() - interval '300 milliseconds'",
  );
  return rowCount ?? 0;
}

async function lockedBy({ jobsPool }: TestJobs): Promise<(string | null)[]> {
  const { rows } = await jobsPool.query<{ locked_by: string | null }>(
    "select locked_by from graphile_worker._private_jobs",
  );
  return rows.map(({ locked_by }) => locked_by);
}

async function lockedQueues({ jobsPool }: TestJobs): Promise<number> {
  const { rowCount } = await jobsPool.query(
    "select from graphile_worker._private_job_queues where locked_by is not null",
  );
  return rowCount ?? 0;
}
