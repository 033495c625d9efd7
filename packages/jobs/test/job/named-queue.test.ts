import { createEventBus, createUnitOfWork, defineEvent } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { runChild } from "@acme/test-postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { killable } from "../support/killable-task.ts";
import { createJobs, defineTask, perform, retry, type AttemptContext, type WorkerOptions } from "../../src/index.ts";

const child = new URL("../children/worker.child.ts", import.meta.url);
const inTurn = defineTask("in_turn", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 2_000 }),
});
class HappenedAtOnce extends defineEvent("happened.at_once") {}
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

describe("a named queue", () => {
  it.each([false, true])("runs the jobs of one enqueueMany() in their order; through an outbox: %s", async (outbox) => {
    await using test = await createTestJobs({ outbox });
    await test.jobs.enqueueMany(inTurn, numbers(20), { queue: "one" });
    const runAt = new Date(Date.now() + 200);
    await test.jobs.enqueueMany(inTurn, numbers(20), { queue: "later", runAt });
    const ran: Record<string, number[]> = { one: [], later: [] };

    const worker = await test.jobs.startWorker({
      tasks: [
        perform(inTurn, async ({ n }, { jobId }) => {
          const found = await test.jobsPool.query("select queue_name from graphile_worker.jobs where id = $1", [jobId]);
          ran[found.rows[0].queue_name]?.push(n);
        }),
      ],
    });
    onTestFinished(() => worker.stop());

    await expect.poll(() => ran).toEqual({ one: [...numbers(20).keys()], later: [...numbers(20).keys()] });
  });

  it("runs what one transaction enqueues bit by bit in its order", async () => {
    await using test = await createTestJobs();
    const client = await test.jobsPool.connect();
    await client.query("begin");
    for (let n = 0; n < 12; n += 4) {
      await test.jobs.enqueue(inTurn, { n }, { tx: client, queue: "one" });
      await test.jobs.enqueueMany(inTurn, [{ n: n + 1 }, { n: n + 2 }, { n: n + 3 }], { tx: client, queue: "one" });
    }
    await client.query("commit");
    client.release();
    const ran: number[] = [];

    const worker = await test.jobs.startWorker({ tasks: [perform(inTurn, ({ n }) => void ran.push(n))] });
    onTestFinished(() => worker.stop());

    await expect.poll(() => ran).toEqual([...numbers(12).keys()]);
  });

  it.each([false, true])(
    "runs keyed jobs in the order in which they were given; through an outbox: %s",
    async (outbox) => {
      await using test = await createTestJobs({ outbox });
      const bus = createEventBus();
      // Keys are locked in an order of their own.
      const keys = ["z", "m", undefined, "a", "q"];
      for (const [n, key] of keys.entries()) {
        bus.register(
          HappenedAtOnce,
          test.jobs.durable(inTurn, () => ({ n }), { queue: "one", ...(key !== undefined && { key }) }),
        );
      }
      await createUnitOfWork(pgTransactions(test.dataPool), { bus }).run(({ record }) => record(new HappenedAtOnce()));
      const ran: number[] = [];

      const worker = await test.jobs.startWorker({ tasks: [perform(inTurn, ({ n }) => void ran.push(n))] });
      onTestFinished(() => worker.stop());

      await expect.poll(() => ran).toEqual([...keys.keys()]);
    },
  );

  it("takes 10 jobs in the time of 10 that come one by one, with default settings: none waits for the poll", async ({
    annotate,
  }) => {
    await using test = await createTestJobs();
    const { ran } = await work(test);
    const millisecondsOf = async (count: number, enqueue: () => Promise<unknown>) => {
      const [enqueuedAt, doneBefore] = [performance.now(), ran.length];
      await enqueue();
      await expect.poll(() => ran.length, { interval: 1 }).toBe(doneBefore + count);
      return ran.at(-1)!.endedAt - enqueuedAt;
    };
    // The first job finds the worker's connections open.
    await millisecondsOf(1, () => test.jobs.enqueue(inTurn, { n: 99 }));
    const ratios: number[] = [];

    for (const queue of ["one", "two", "three"]) {
      let oneByOne = 0;
      for (const payload of numbers(10)) oneByOne += await millisecondsOf(1, () => test.jobs.enqueue(inTurn, payload));
      const together = await millisecondsOf(10, () => test.jobs.enqueueMany(inTurn, numbers(10), { queue }));
      ratios.push(together / oneByOne);
    }

    await annotate(`10 jobs took ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")} times as long`);
    // Ten polls are ten seconds.
    expect(Math.min(...ratios)).toBeLessThan(3);
  });

  it("runs 100 jobs one at a time on two workers, without a pause that the poll would have to end", async ({
    annotate,
  }) => {
    await using test = await createTestJobs();
    const turns = countTurns();
    const first = await work(test, turns.take, { pollIntervalMs: 60_000 });
    const second = await work(test, turns.take, { pollIntervalMs: 60_000 });
    const enqueuedAt = performance.now();

    await test.jobs.enqueueMany(inTurn, numbers(100), { queue: "one" });

    await expect.poll(() => first.ran.length + second.ran.length).toBe(100);
    await annotate(`100 jobs took ${Math.round(performance.now() - enqueuedAt)} ms`);
    expect(turns.most()).toBe(1);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("waits for code that goes on after its time, and does not heed its signal", async () => {
    await using test = await createTestJobs();
    const hurried = defineTask("hurried", {
      payload: z.object({ n: z.number() }),
      retry: retry.never,
      timeoutMs: 50,
    });
    const gate = Promise.withResolvers<void>();
    const begun: number[] = [];
    const hang = perform(hurried, async ({ n }) => {
      begun.push(n);
      if (n === 1) await gate.promise;
    });
    const worker = await test.jobs.startWorker({ tasks: [hang] });
    onTestFinished(() => worker.stop());

    await test.jobs.enqueueMany(hurried, [{ n: 1 }, { n: 2 }], { queue: "one" });
    const said = () => test.log.map(({ message }) => message);
    await expect.poll(said).toContainEqual(expect.stringContaining("its named queue waits until its code has ended"));
    await test.jobs.enqueue(hurried, { n: 3 }, { queue: "other" });
    await expect.poll(() => begun).toContain(3);
    const begunMeanwhile = [...begun];
    gate.resolve();

    await expect.poll(() => begun).toEqual([1, 3, 2]);
    expect(begunMeanwhile).toEqual([1, 3]);
    await expect
      .poll(() => test.jobs.deadLetters.list())
      .toMatchObject([{ payload: { n: 1 }, errors: [{ message: expect.stringContaining("50 ms") as string }] }]);
  });

  it("holds the others up for no longer than the attempt that fails, not for its delay", async () => {
    await using test = await createTestJobs();
    let failed: number | undefined;
    const failFirst = ({ n }: { n: number }) => {
      if (failed !== undefined) return;
      failed = n;
      throw new Error("on purpose");
    };
    const { ran } = await work(test, failFirst, { pollIntervalMs: 60_000 });

    await test.jobs.enqueueMany(inTurn, numbers(10), { queue: "one" });

    await expect.poll(() => ran.length).toBe(10);
    expect(ran.at(-1)).toMatchObject({ n: failed, attempt: 2 });
    expect(ran.at(-2)!.endedAt).toBeLessThan(ran.at(-1)!.endedAt - 1_000);
  });

  it("goes on within seconds on another worker when its own is killed, with default settings", async ({ annotate }) => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 0 }, { queue: "one" });
    await killed.waitFor("running 0 1");
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }, { n: 3 }], { queue: "one" });
    const ran: number[] = [];
    const worker = await test.jobs.startWorker({ tasks: [perform(killable, ({ n }) => void ran.push(n))] });
    onTestFinished(() => worker.stop());
    const killedAt = performance.now();

    await killed.kill("SIGKILL");

    await expect.poll(() => ran.toSorted()).toEqual([0, 1, 2, 3]);
    const milliseconds = performance.now() - killedAt;
    await annotate(`the queue was done ${Math.round(milliseconds)} ms after the kill`);
    // 3 seconds without a heartbeat, a second until another worker checks, and a busy machine.
    expect(milliseconds).toBeLessThan(8_000);
  });
});

describe("workers that stop while named queues are busy", () => {
  it("leave neither a job nor a queue locked", async () => {
    await using test = await createTestJobs();
    await using others = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const first = await work(test, () => new Promise(setImmediate));
    const second = await work({ jobs: others }, () => new Promise(setImmediate));
    for (const queue of ["one", "two", "three", "four"]) await test.jobs.enqueueMany(inTurn, numbers(100), { queue });
    await test.jobs.enqueueMany(inTurn, numbers(200));
    await expect.poll(() => first.ran.length * second.ran.length).toBeGreaterThan(0);
    await expect.poll(() => first.ran.length + second.ran.length, { interval: 5 }).toBeGreaterThan(50);

    await Promise.all([first.worker.stop(), second.worker.stop()]);

    expect(await locks(test)).toEqual(none);
    expect((await storedJobs(test.jobsPool)).length).toBeGreaterThan(0);
  });

  it("hand back every job that is still running at the deadline, attempts as they were", async () => {
    await using test = await createTestJobs();
    const again = defineTask("again", {
      payload: z.object({ n: z.number() }),
      retry: retry.fixed({ attempts: 2, delayMs: 0 }),
    });
    const started: string[] = [];
    const worker = await test.jobs.startWorker({
      tasks: [
        perform(again, ({ n }, { attempt }) => {
          if (n % 2 === 0 && attempt === 1) throw new Error("on purpose");
          started.push(`${n}: ${attempt}`);
          return new Promise(() => undefined);
        }),
      ],
      concurrency: 40,
    });
    onTestFinished(() => worker.stop({ deadlineMs: 0 }));
    await test.jobs.enqueueMany(again, numbers(30));
    for (let n = 30; n < 40; n++) await test.jobs.enqueue(again, { n }, { queue: `queue ${n}` });
    await expect.poll(() => started.length).toBe(40);

    await worker.stop({ deadlineMs: 50 });

    expect(await locks(test)).toEqual(none);
    const ranAgain: string[] = [];
    const next = await test.jobs.startWorker({
      tasks: [perform(again, ({ n }, { attempt }) => void ranAgain.push(`${n}: ${attempt}`))],
    });
    onTestFinished(() => next.stop());
    await expect.poll(() => ranAgain.toSorted()).toEqual(started.toSorted());
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });
});

const none = { jobs: 0, queues: 0 };

/** A worker that notes when each attempt that did not fail has ended. */
async function work(
  { jobs }: Pick<TestJobs, "jobs">,
  run: (payload: { n: number }, context: AttemptContext) => unknown = () => undefined,
  options: Partial<WorkerOptions> = {},
) {
  const ran: { n: number; attempt: number; endedAt: number }[] = [];
  const worker = await jobs.startWorker({
    tasks: [
      perform(inTurn, async (payload, context) => {
        await run(payload, context);
        ran.push({ n: payload.n, attempt: context.attempt, endedAt: performance.now() });
      }),
    ],
    ...options,
  });
  onTestFinished(() => worker.stop());
  return { worker, ran };
}

/** Counts how many have their turn at once. */
function countTurns() {
  let running = 0;
  let most = 0;
  return {
    most: () => most,
    take: async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
    },
  };
}

/** All locked jobs and named queues. No view shows the locks of queues. */
async function locks(test: TestJobs) {
  const { rows } = await test.jobsPool.query(`
    select
      (select count(*)::int from graphile_worker.jobs where locked_at is not null) as jobs,
      (select count(*)::int from graphile_worker._private_job_queues where locked_at is not null) as queues`);
  return rows[0];
}
