import {
  createEventBus,
  createUnitOfWork,
  currentCorrelation,
  defineEvent,
  withCorrelation,
} from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { runChild } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { killable } from "./support/killable-task.ts";
import { createTestJobs, outboxCount, type TestJobs } from "./support/test-jobs.ts";
import {
  createJobs,
  defineTask,
  NonRetryableError,
  perform,
  retry,
  snooze,
  type AttemptContext,
} from "../src/index.ts";
import { drain, performTask } from "../src/testing/index.ts";

class OrderPlaced extends defineEvent("order.placed") {}
const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 0 }),
});
const next = defineTask("next", { payload: z.object({ n: z.number() }) });

/** What code can tell of where it comes from. */
const seenIn = ({ requestId, event }: AttemptContext) => ({ requestId, event, current: currentCorrelation() });
const ofRequest = (requestId: string) => ({ requestId, event: undefined, current: { requestId } });
const ofNothing = { requestId: undefined, event: undefined, current: {} };

async function flagsOf(test: TestJobs): Promise<string[][]> {
  const { rows } = await test.jobsPool.query<{ flags: Record<string, true> }>(
    "select flags from graphile_worker.jobs order by id",
  );
  return rows.map(({ flags }) => Object.keys(flags).filter((flag) => !flag.startsWith("acme:id:")));
}

describe.each([
  ["beside the data", false],
  ["through an outbox", true],
])("a job that was enqueued in a request, %s", (_, outbox) => {
  it("has the id of the request in its attempt, in its log lines, and not in its payload", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: unknown[] = [];

    const id = await withCorrelation({ requestId: "r-1" }, () => test.jobs.enqueue(task, { n: 1 }));
    await drain(test.jobs, {
      tasks: [
        perform(task, (payload, context) => {
          seen.push(payload, seenIn(context));
          context.logger.info({ own: 1 }, "from the code");
        }),
      ],
    });

    expect(seen).toEqual([{ n: 1 }, ofRequest("r-1")]);
    const linesOf = (message: string) =>
      test.log.filter((line) => line.message === message).map(({ fields }) => fields);
    const fields = { task: "t", jobId: "1", id, attempt: 1, requestId: "r-1" };
    expect(linesOf("from the code")).toEqual([{ ...fields, own: 1 }]);
    expect(linesOf("job done")).toEqual([{ ...fields, durationMs: expect.any(Number) }]);
  });

  it("has it also if it is one of many, or has a key, a time or a queue", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: unknown[] = [];

    const within = (requestId: string, ...rest: Parameters<typeof test.jobs.enqueueMany<{ n: number }>>) =>
      withCorrelation({ requestId }, () => test.jobs.enqueueMany(...rest));

    await within("r-1", task, [{ n: 0 }, { n: 1 }]);
    await test.jobs.enqueueMany(task, [{ n: 2 }, { n: 3 }]);
    await within("r-2", task, [{ n: 4 }]);
    await within("r-3", task, [{ n: 5 }, { n: 6 }]);
    await within("r-4", task, [{ n: 7 }], { key: "k", queue: "q", priority: 1, runAt: new Date(0) });
    await drain(test.jobs, {
      tasks: [perform(task, ({ n }, context) => void (seen[n] = context.requestId))],
    });

    expect(seen).toEqual(["r-1", "r-1", undefined, undefined, "r-2", "r-3", "r-3", "r-4"]);
  });

  it("tells the event of its durable handler, and so do the jobs and units of its attempt", async () => {
    await using test = await createTestJobs({ outbox });
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, () => ({ n: 1 })),
    );
    const unitOfWork = createUnitOfWork(pgTransactions(test.dataPool), { bus });
    const place = async () => {
      const event = new OrderPlaced();
      await unitOfWork.run(({ record }) => record(event));
      return { type: "order.placed", id: event.eventId };
    };
    const origins: unknown[] = [];
    let second: Promise<unknown> | undefined;

    const first = await withCorrelation({ requestId: "r-1" }, place);
    await drain(test.jobs, {
      tasks: [
        perform(task, async (_payload, context) => {
          origins.push([context.requestId, context.event]);
          await test.jobs.enqueue(next, { n: 1 });
          await (second ??= place());
        }),
        perform(next, (_payload, context) => void origins.push([context.requestId, context.event])),
      ],
    });

    expect(origins).toHaveLength(4);
    expect(origins).toEqual(
      expect.arrayContaining([
        ["r-1", first],
        ["r-1", await second],
      ]),
    );
    expect(origins.filter((origin) => Array.isArray(origin) && origin[1]?.id === first.id)).toHaveLength(2);
  });

  it("keeps it in each attempt, as a dead letter, and when the dead letter is retried", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: unknown[] = [];
    const fail = perform(task, (_payload, context) => {
      seen.push(context.requestId);
      throw new Error("no");
    });

    const id = await withCorrelation({ requestId: "r-1", eventType: "e", eventId: "7" }, () =>
      test.jobs.enqueue(task, { n: 1 }, { key: "k" }),
    );
    await drain(test.jobs, { tasks: [fail] });
    const [letter] = await test.jobs.deadLetters.list();
    await test.jobs.deadLetters.retry(id);
    await drain(test.jobs, { tasks: [perform(task, (_payload, context) => void seen.push(seenIn(context)))] });

    expect(letter?.origin).toEqual({ requestId: "r-1", eventType: "e", eventId: "7" });
    const current = { requestId: "r-1", eventType: "e", eventId: "7" };
    const last = { requestId: "r-1", event: { type: "e", id: "7" }, current };
    expect(seen).toEqual(["r-1", "r-1", "r-1", last]);
  });
});

describe("a job with an origin", () => {
  it("still has it when its worker was killed and another recovers it", { timeout: 30_000 }, async () => {
    await using test = await createTestJobs();
    await using doomed = runChild(new URL("children/worker.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl },
    });
    await doomed.waitFor("started");
    await withCorrelation({ requestId: "r-1", eventType: "e", eventId: "7" }, () =>
      test.jobs.enqueue(killable, { n: 1 }),
    );
    await doomed.waitFor("running 1 1");
    const seen: unknown[] = [];

    await doomed.kill();
    await using worker = await test.jobs.startWorker({
      tasks: [perform(killable, (_payload, context) => void seen.push([context.requestId, context.event]))],
      heartbeatMs: 100,
      deadAfterMs: 500,
    });

    await expect.poll(() => seen, { timeout: 20_000 }).toEqual([["r-1", { type: "e", id: "7" }]]);
    await worker.stop();
  });

  it("keeps it as a dead letter if no worker knows its task, or somebody else has failed it", async () => {
    await using test = await createTestJobs();
    await withCorrelation({ requestId: "r-1", eventType: "e", eventId: "7" }, async () => {
      await test.jobs.enqueue(next, { n: 1 });
      await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date("2099-01-01") });
    });
    await test.jobsPool.query("select graphile_worker.permanently_fail_jobs(array[2], 'by hand')");

    await using worker = await test.jobs.startWorker({
      tasks: [perform(task, () => undefined)],
      unknownTaskAfterMs: 0,
    });

    const origin = { requestId: "r-1", eventType: "e", eventId: "7" };
    await expect
      .poll(async () => (await test.jobs.deadLetters.list()).map((letter) => letter.origin))
      .toEqual([origin, origin]);
    await worker.stop();
  });

  it("is in each of the worker's own lines about it", async () => {
    await using test = await createTestJobs();
    let attempts = 0;
    const outcomes = [snooze(0), new Error("again"), new NonRetryableError("never")];

    const id = await withCorrelation({ requestId: "r-1", eventType: "e", eventId: "7" }, () =>
      test.jobs.enqueue(task, { n: 1 }),
    );
    await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(outcomes[attempts++]!))] });

    const lines = test.log.filter(({ message }) => message.startsWith("job "));
    expect(lines.map(({ message }) => message)).toEqual([
      "job put off; the attempt does not count",
      "job failed; it will be tried again",
      "job failed for good; it is a dead letter now",
    ]);
    for (const { fields } of lines)
      expect(fields).toMatchObject({ id, jobId: "1", task: "t", requestId: "r-1", eventId: "7" });
  });

  it("hands it to a copy of the context, too, with the signal of the attempt", async () => {
    const performable = perform(task, (_payload, context) => {
      const copy = { ...context };
      return [copy.requestId, copy.signal === context.signal, copy.signal instanceof AbortSignal, copy.logger];
    });

    const copied = await withCorrelation({ requestId: "r-1" }, () => performTask(performable, { n: 1 }));

    expect(copied).toEqual(["r-1", true, true, expect.objectContaining({ info: expect.any(Function) })]);
  });
});

describe("a job without an origin", () => {
  it("has none in its attempt, whoever has started the worker or opened its connections", async () => {
    await using test = await createTestJobs();
    const seen: unknown[] = [];

    await withCorrelation({ requestId: "starter" }, async () => {
      await test.jobs.enqueue(task, { n: 1 });
      const worker = await test.jobs.startWorker({
        tasks: [perform(task, ({ n }, context) => void (seen[n] = seenIn(context)))],
      });
      await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 2}')`);
      await expect.poll(() => [1, 2].every((n) => n in seen)).toBe(true);
      await worker.stop();
    });

    expect(seen.slice(1)).toEqual([ofRequest("starter"), ofNothing]);
  });

  it("is not logged in the name of whoever has started the worker", async () => {
    await using test = await createTestJobs();
    const lines: unknown[] = [];
    const note = (_fields: object, message: string) => void lines.push([message, currentCorrelation()]);
    const pool = new Pool({ connectionString: test.jobsUrl, max: 10 });
    await using jobs = createJobs({
      connection: pool,
      logger: { debug: () => undefined, info: note, warn: note, error: note },
    });
    await withCorrelation({ requestId: "opener" }, async () => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()));
      for (const client of clients) client.release();
    });
    const worker = await withCorrelation({ requestId: "starter" }, () =>
      jobs.startWorker({ tasks: [perform(task, () => undefined)], pollIntervalMs: 60_000, prefetch: 0 }),
    );

    // The first may be found without a notification, before the worker listens.
    for (const n of [1, 2, 3]) {
      await test.jobs.enqueue(task, { n });
      await expect.poll(() => lines.length).toBe(1 + n);
    }
    await worker.stop();
    await pool.end();

    const done = ["job done", {}];
    expect(lines.slice(0, 4)).toEqual([["worker started", {}], done, done, done]);
  });

  it("leaves the columns of outbox and dead letter null, and its dead letter has an empty origin", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 });
    await test.jobs.enqueueMany(task, [{ n: 2 }, { n: 3 }]);

    const { rows } = await test.dataPool.query("select flags from acme_jobs.outbox");
    await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(new NonRetryableError("no")))] });

    expect(rows).toEqual([{ flags: null }, { flags: null }, { flags: null }]);
    const letters = await test.jobsPool.query("select flags from acme_jobs.dead_letters");
    expect(letters.rows).toEqual(rows);
    expect((await test.jobs.deadLetters.list()).map(({ origin }) => origin)).toEqual([{}, {}, {}]);
  });
});

describe("a job that replaces another by its key", () => {
  it("has its own origin", async () => {
    await using test = await createTestJobs();
    const enqueue = (requestId?: string) =>
      withCorrelation({ requestId }, () => test.jobs.enqueue(task, { n: 1 }, { key: "k" }));

    await enqueue("first");
    await enqueue("second");
    expect(await flagsOf(test)).toEqual([["acme:request:second"]]);

    await enqueue();
    expect(await flagsOf(test)).toEqual([[]]);
  });
});

it("1,000 jobs that run at once have each its own request id, also after they have waited", async () => {
  await using test = await createTestJobs();
  const wrong: unknown[] = [];
  const count = 1_000;
  for (let n = 0; n < count; n++) {
    const requestId = n % 3 === 0 ? undefined : `r-${n}`;
    void withCorrelation({ requestId }, () => test.jobs.enqueue(task, { n }));
  }
  await expect.poll(() => flagsOf(test).then(({ length }) => length), { timeout: 20_000 }).toBe(count);

  const { doneCount } = await drain(test.jobs, {
    withinMs: 30_000,
    tasks: [
      perform(task, async ({ n }, context) => {
        const expected = n % 3 === 0 ? undefined : `r-${n}`;
        const check = () => {
          const found = [context.requestId, currentCorrelation().requestId];
          if (found.some((id) => id !== expected)) wrong.push([n, found]);
        };
        check();
        if (n % 2 === 0) await test.dataPool.query("select 1");
        check();
      }),
    ],
  });

  expect(doneCount).toBe(count);
  expect(wrong).toEqual([]);
}, 60_000);

describe("flags that plain SQL has written", () => {
  const hostile = [
    "acme:request:has space",
    'acme:request:"quoted"',
    "acme:request:",
    `acme:request:${"x".repeat(129)}`,
    "acme:event:without-slash",
    "acme:event:/",
    String.raw`acme:event:a\b/c\d`,
    'zebra","acme:request:forged',
  ];

  it.each(hostile)("are left out if they do not fit, and the job runs and dies as any other: %s", async (flag) => {
    await using test = await createTestJobs();
    const seen: unknown[] = [];
    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 1}', flags => $1::text[])`, [
      ["acme:id:7", flag],
    ]);

    await drain(test.jobs, {
      tasks: [
        perform(task, (_payload, context) => {
          seen.push(seenIn(context));
          throw new NonRetryableError("no");
        }),
      ],
    });

    expect(seen).toEqual([ofNothing]);
    expect(await test.jobs.deadLetters.list()).toMatchObject([{ id: "7", origin: {} }]);
    await test.jobs.deadLetters.retry("7");
    expect(await flagsOf(test)).toEqual([[]]);
  });

  it("are left out in an outbox, and the job keeps its own id", async () => {
    await using test = await createTestJobs({ outbox: true });
    const id = await test.jobs.enqueue(task, { n: 1 });
    const flags = ["acme:id:another", 'acme:request:"x"', "acme:request:x,acme:id:y", "acme:event:a/b", null];
    await test.dataPool.query("update acme_jobs.outbox set flags = $1", [flags]);

    await using relay = test.jobs.startRelay();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await relay.stop();

    const { rows } = await test.jobsPool.query("select flags from graphile_worker.jobs");
    expect(rows).toEqual([{ flags: { [`acme:id:${id}`]: true, "acme:event:a/b": true } }]);
  });

  it("do not make two dead letters of a job that has several ids", async () => {
    await using test = await createTestJobs();
    const flags = ["acme:id:one", "acme:id:two", "acme:request:r", "acme:event:a/b"];
    await test.jobsPool.query("select graphile_worker.add_job('t', flags => $1::text[])", [flags]);
    await test.jobsPool.query("select graphile_worker.permanently_fail_jobs(array[1], 'by hand')");

    await drain(test.jobs, { tasks: [perform(task, () => undefined)] });
    const worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)] });

    await expect.poll(async () => await test.jobs.deadLetters.list()).toHaveLength(1);
    await worker.stop();
    expect(await test.jobs.deadLetters.list()).toMatchObject([
      { id: "one", origin: { requestId: "r", eventType: "a", eventId: "b" } },
    ]);
  });
});

it("an outbox row that the jobs database refuses is a dead letter with its origin", async () => {
  await using test = await createTestJobs({ outbox: true });
  await withCorrelation({ requestId: "r-1" }, () => test.jobs.enqueue(task, { n: 1 }));
  await test.dataPool.query("update acme_jobs.outbox set task = repeat('x', 200)");

  await using relay = test.jobs.startRelay();

  await expect.poll(async () => await test.jobs.deadLetters.list()).toMatchObject([{ origin: { requestId: "r-1" } }]);
  await relay.stop();
});

it("tables of the outbox that are older than the package are named as such", async () => {
  await using test = await createTestJobs({ outbox: true });
  await test.dataPool.query("alter table acme_jobs.outbox drop column flags");

  await expect(test.jobs.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
});

it("a task's code that a test performs has the ids around the call", async () => {
  const performable = perform(task, (_payload, context) => seenIn(context));

  expect(await withCorrelation({ requestId: "r-1" }, () => performTask(performable, { n: 1 }))).toEqual(
    ofRequest("r-1"),
  );
  expect(await performTask(performable, { n: 1 })).toEqual(ofNothing);
});
