import { expect, it } from "vitest";
import { z } from "zod";
import { defineTask, NonRetryableError, perform, retry, RetryAfterError, snooze } from "../../../src/index.ts";
import { drain, enqueued } from "../../../src/testing/index.ts";
import { bill, broken, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

const seconds = (date: Date | undefined) => (Number(date) - Date.now()) / 1_000;

export function outcomeCases(world: () => World): void {
  it("tries again after the delay of the policy, and makes the job a dead letter after the last attempt", async () => {
    const { jobs } = world();
    const tasks = [performBill([], broken)];
    const id = await jobs.enqueue(bill, { n: 1 });

    expect(await drain(jobs, { tasks, skipDelays: false })).toMatchObject({ failedCount: 1, deadCount: 0 });
    const [waiting] = await enqueued(jobs, bill);
    expect(waiting).toMatchObject({ id, attempts: 1 });
    expect(Math.abs(seconds(waiting?.runAt) - 3_600)).toBeLessThan(60);

    const rest = await drain(jobs, { tasks });
    expect(rest).toEqual({ doneCount: 0, failedCount: 2, snoozedCount: 0, deadCount: 1 });
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("puts a snoozed job off without using its attempt", async () => {
    const { jobs } = world();
    const attempts: number[] = [];
    const tasks = [
      perform(bill, (_, { attempt }) => {
        attempts.push(attempt);
        if (attempts.length === 1) throw snooze(7_200_000);
      }),
    ];
    await jobs.enqueue(bill, { n: 1 });

    expect(await drain(jobs, { tasks, skipDelays: false })).toMatchObject({ snoozedCount: 1, failedCount: 0 });
    const [waiting] = await enqueued(jobs, bill);
    expect(waiting?.attempts).toBe(0);
    expect(Math.abs(seconds(waiting?.runAt) - 7_200)).toBeLessThan(60);

    expect(await drain(jobs, { tasks })).toMatchObject({ doneCount: 1, snoozedCount: 0 });
    expect(attempts).toEqual([1, 1]);
  });

  it("follows what the code throws: not again, or after another delay", async () => {
    const { jobs } = world();
    const decide = (n: number) => {
      throw n === 1 ? new NonRetryableError("never") : new RetryAfterError(60_000);
    };
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }]);

    await drain(jobs, { tasks: [performBill([], decide)], skipDelays: false });

    expect(await jobs.deadLetters.list()).toMatchObject([{ payload: { n: 1 }, attempts: 1, reason: "never" }]);
    const [waiting] = await enqueued(jobs, bill);
    expect(Math.abs(seconds(waiting?.runAt) - 60)).toBeLessThan(30);
  });

  it("asks the policy whether an error is worth another attempt", async () => {
    const { jobs } = world();
    const picky = defineTask("picky", {
      payload: z.object({}),
      retry: retry.fixed({ attempts: 5, delayMs: 0, on: [RangeError] }),
    });
    const attempts: number[] = [];
    const run = perform(picky, (_, { attempt }) => {
      attempts.push(attempt);
      throw attempt < 3 ? new RangeError("again") : new TypeError("no more");
    });
    await jobs.enqueue(picky, {});

    await drain(jobs, { tasks: [run], skipDelays: false });

    expect(attempts).toEqual([1, 2, 3]);
    expect(await jobs.deadLetters.list()).toMatchObject([{ reason: "no more", attempts: 3 }]);
  });

  it("counts the time limit, and a payload that no longer fits, as failures", async () => {
    const { jobs } = world();
    const payload = z.object({ n: z.number() });
    const deaf = defineTask("deaf", { payload, timeoutMs: 30, retry: retry.never });
    const strict = defineTask("strict", { payload: z.object({ n: z.number().max(5) }) });
    await jobs.enqueue(deaf, { n: 1 });
    await jobs.enqueue(defineTask("strict", { payload }), { n: 9 });

    const tasks = [perform(deaf, () => new Promise(() => undefined)), perform(strict, () => undefined)];
    expect(await drain(jobs, { tasks })).toMatchObject({ doneCount: 0, failedCount: 2, deadCount: 2 });

    const reasons = (await jobs.deadLetters.list()).map(({ task, errors }) => [task, errors[0]?.name]);
    expect(Object.fromEntries(reasons)).toEqual({ deaf: "JobsError", strict: "JobsError" });
  });

  it("keeps the history of the errors, with the stacks of the last three", async () => {
    const { jobs } = world();
    const four = defineTask("four", { payload: z.object({}), retry: retry.fixed({ attempts: 4, delayMs: 0 }) });
    await jobs.enqueue(four, {});

    await drain(jobs, {
      tasks: [
        perform(four, (_, { attempt }) => {
          throw new RangeError(`broken ${attempt}`);
        }),
      ],
    });

    const [letter] = await jobs.deadLetters.list();
    expect(letter).toMatchObject({ reason: "broken 4", attempts: 4, task: "four" });
    expect(letter?.errors.map(({ attempt, name, message }) => [attempt, name, message])).toEqual(
      [1, 2, 3, 4].map((attempt) => [attempt, "RangeError", `broken ${attempt}`]),
    );
    expect(letter?.errors.map(({ stack }) => stack?.includes("RangeError: broken") ?? false)).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(letter?.errors.every(({ at, durationMs }) => Date.parse(at) > 0 && Number(durationMs) >= 0)).toBe(true);
    expect(
      world()
        .log.filter(({ message }) => message.includes("failed"))
        .map(({ level }) => level),
    ).toEqual(["warn", "warn", "warn", "error"]);
  });
}
