import type { PoolClient } from "pg";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, type Jobs, type PerformableTask } from "../../src/index.ts";
import {
  assertEnqueued,
  assertNotEnqueued,
  createTestJobs,
  enqueued,
  makeDue,
  performTask,
  waitFor,
} from "../../src/testing/index.ts";
// oxlint-disable-next-line import/no-unassigned-import -- it registers the matchers.
import "../../src/vitest.ts";

const task = defineTask("send", { payload: z.object({ userId: z.string(), at: z.coerce.number().default(0) }) });
declare const jobs: Jobs;
declare const client: PoolClient;

describe("performTask", () => {
  it("takes the input of the schema, and has the result of the code", () => {
    const counting = perform(task, async ({ at }) => ({ at, isSent: true as const }));
    expectTypeOf(performTask(counting, { userId: "1" })).resolves.toEqualTypeOf<{ at: number; isSent: true }>();
    expectTypeOf(
      performTask(
        perform(task, ({ userId }) => userId),
        { userId: "1", at: "5" },
      ),
    ).resolves.toBeString();
    // @ts-expect-error a payload of another shape
    void performTask(counting, { user: "1" });
    // @ts-expect-error a missing payload
    void performTask(counting);
  });

  it("takes any payload for a task of a list", () => {
    const list: readonly PerformableTask[] = [perform(task, () => 1)];
    expectTypeOf(performTask(list[0]!, { anything: 1 })).resolves.toBeUnknown();
    void createJobs({ connection: "postgres://" }).startWorker({ tasks: list });
    // Type arguments that were given before there was a third one.
    expectTypeOf(perform<{ n: number }, { n: number }>).returns.toEqualTypeOf<PerformableTask<{ n: number }>>();
  });
});

describe("createTestJobs", () => {
  it("has the interface of jobs, and a clock", () => {
    expectTypeOf(createTestJobs()).toExtend<Jobs>();
    expectTypeOf(createTestJobs().clock.advance).returns.resolves.toBeVoid();
    void createTestJobs({ mode: "inline", tasks: () => [perform(task, ({ userId }) => userId)] });
    // @ts-expect-error no such mode
    void createTestJobs({ mode: "auto" });
    // @ts-expect-error tasks without code
    void createTestJobs({ mode: "inline", tasks: [task] });
  });
});

describe("enqueued", () => {
  it("has the payload of the task, and an unknown one for all tasks", () => {
    expectTypeOf(enqueued(jobs, task)).resolves.items.toHaveProperty("payload").toEqualTypeOf<{
      userId: string;
      at: number;
    }>();
    expectTypeOf(enqueued(jobs)).resolves.items.toHaveProperty("payload").toBeUnknown();
    expectTypeOf(enqueued(jobs, { tx: client }))
      .resolves.items.toHaveProperty("runAt")
      .toEqualTypeOf<Date>();
    void enqueued(jobs, task, { tx: client });
    // @ts-expect-error a name is no task
    void enqueued(jobs, "send");
    // @ts-expect-error not a transaction
    void enqueued(jobs, task, { tx: {} });
  });
});

describe("toHaveEnqueued and assertEnqueued", () => {
  it("take a part of the payload of the task", () => {
    void expect(jobs).toHaveEnqueued(task);
    void expect(jobs).not.toHaveEnqueued(task, { payload: { at: 1 }, queue: null, key: "k", runAt: new Date() });
    void expect(jobs).toHaveEnqueued(task, { payload: { userId: expect.any(String) }, runAt: expect.any(Date) });
    expectTypeOf(expect(jobs).toHaveEnqueued(task)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(assertEnqueued(jobs, task, { payload: { at: 1 }, tx: client }))
      .resolves.toHaveProperty("payload")
      .toEqualTypeOf<{ userId: string; at: number }>();
    // @ts-expect-error a payload of another shape
    void expect(jobs).toHaveEnqueued(task, { payload: { user: "1" } });
    // @ts-expect-error a payload of another type
    void assertNotEnqueued(jobs, task, { payload: { at: "1" } });
    // @ts-expect-error no such property
    void assertEnqueued(jobs, task, { que: "q" });
    // @ts-expect-error a name is no task
    void expect(jobs).toHaveEnqueued("send");
  });
});

describe("makeDue and waitFor", () => {
  it("take a task, and a state by its name", () => {
    expectTypeOf(makeDue(jobs, task)).resolves.toBeNumber();
    void makeDue(jobs);
    void waitFor(jobs, "id", "succeeded");
    void waitFor(jobs, "id", "dead", { withinMs: 5 });
    // @ts-expect-error a name is no task
    void makeDue(jobs, "send");
    // @ts-expect-error no such state
    void waitFor(jobs, "id", "done");
    // @ts-expect-error no such option
    void waitFor(jobs, "id", "dead", { timeoutMs: 5 });
  });
});
