import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, NonRetryableError, perform, retry } from "../../src/index.ts";

const slowly = defineTask("slowly", {
  payload: killable.payload,
  retry: retry.fixed({ attempts: 2, delayMs: 60_000 }),
});

const hostile: [what: string, thrown: () => unknown][] = [
  ["a message with a NUL", () => new Error(`Unexpected token '\0'`)],
  ["half an emoji", () => new Error("👍".slice(0, 1))],
  ["no prototype", () => Object.create(null) as unknown],
  ["a message that is no text", () => Object.assign(new Error("x"), { message: { not: "text" } })],
  ["no name", () => Object.assign(new Error("x"), { name: undefined })],
  [
    "a message that throws",
    () =>
      Object.defineProperty(new Error("x"), "message", {
        get() {
          throw new TypeError("unreadable");
        },
      }),
  ],
  [
    "a class that throws",
    () =>
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new TypeError("unreadable");
          },
        },
      ),
  ],
  ["a very long message", () => new Error("x".repeat(10_000_000))],
];

describe("an error with", () => {
  it.each(hostile)(
    "%s is noted like any other, and does not affect another job that fails at the same time",
    async (_, thrown) => {
      await using test = await createTestJobs();
      const together = failTogether(20);
      const worker = await test.jobs.startWorker({
        tasks: [
          perform(slowly, async ({ n }) => {
            await together();
            throw n === 5 ? thrown() : new NonRetryableError("on purpose");
          }),
        ],
      });
      onTestFinished(() => worker.stop());

      await test.jobs.enqueueMany(
        slowly,
        Array.from({ length: 20 }, (__, n) => ({ n })),
      );

      await expect.poll(async () => (await test.jobs.deadLetters.list()).length, { timeout: 10_000 }).toBe(19);
      await expect.poll(() => delayOfTheRest(test)).toBeGreaterThan(50_000);
      expect(await storedJobs(test.jobsPool)).toMatchObject([{ attempts: 1 }]);
      expect(test.log.filter(({ message }) => /starts over|could not/.test(message))).toEqual([]);
      expect(worker.state).toBe("running");
    },
  );
});

describe("a logger that throws", () => {
  it("turns no success into a failure, and no failure into another one", async () => {
    await using test = await createTestJobs();
    const broken = () => {
      throw new Error("the transport has ended");
    };
    await using jobs = createJobs({
      connection: test.jobsUrl,
      logger: { ...collectInto([]), info: broken, warn: broken },
    });
    const runs: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [
        perform(single, ({ n }) => void runs.push(n)),
        perform(slowly, ({ n }) => {
          runs.push(n);
          throw new Error("on purpose");
        }),
      ],
    });
    onTestFinished(() => worker.stop());

    await jobs.enqueue(single, { n: 1 });
    await jobs.enqueue(slowly, { n: 2 });

    await expect.poll(() => runs.toSorted()).toEqual([1, 2]);
    await expect.poll(() => delayOfTheRest(test)).toBeGreaterThan(50_000);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "slowly", attempts: 1 }]);
  });
});

/** Resolves for all of them once the last has come. */
function failTogether(count: number): () => Promise<void> {
  const all = Promise.withResolvers<void>();
  let come = 0;
  return () => {
    come += 1;
    if (come === count) all.resolve();
    return all.promise;
  };
}

/** Milliseconds until the one job that is left runs again; `0` if there are others. */
async function delayOfTheRest({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query<{ delay: number }>(
    `select extract(epoch from run_at - clock_timestamp())::float8 * 1000 as delay
     from graphile_worker.jobs where locked_at is null`,
  );
  return rows.length === 1 ? rows[0]!.delay : 0;
}
