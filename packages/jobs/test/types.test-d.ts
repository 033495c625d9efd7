import { createEventBus, defineEvent, props, type DurableHandler as HandlerOfEvents } from "@acme/domain-events";
import type { Knex } from "knex";
import type { Pool, PoolClient } from "pg";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { DurableHandler } from "@acme/shared/durable-handler";
import { createJobs, defineTask, perform, retry, schedule, type Jobs } from "../src/index.ts";

class UserRegistered extends defineEvent("user.registered", props<{ userId: string }>()) {}
const task = defineTask("send", { payload: z.object({ userId: z.string(), at: z.coerce.number().default(0) }) });
declare const jobs: Jobs;
declare const knexTransaction: Knex.Transaction;
declare const client: PoolClient;
declare const pool: Pool;

describe("a consumer, without one annotation,", () => {
  it("enqueues the schema's input", () => {
    void jobs.enqueue(task, { userId: "1" });
    void jobs.enqueue(task, { userId: "1", at: "5" });
    void jobs.enqueueMany(task, [{ userId: "1" }]);
    // @ts-expect-error a payload of another shape
    void jobs.enqueue(task, { user: "1" });
    // @ts-expect-error a missing payload
    void jobs.enqueue(task);
    // @ts-expect-error a name is no task
    void jobs.enqueue("send", { userId: "1" });
  });

  it("performs the schema's output", () => {
    perform(task, ({ userId, at }, { signal, attempt, idempotencyKey, logger }) => {
      expectTypeOf(userId).toBeString();
      expectTypeOf(at).toBeNumber();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(attempt).toBeNumber();
      expectTypeOf(idempotencyKey).toBeString();
      logger.info({ userId }, "done");
    });
    // @ts-expect-error a contract is not runnable
    void jobs.startWorker({ tasks: [task] });
    void jobs.startWorker({ tasks: [perform(task, () => undefined)] });
  });

  it("passes any transaction", () => {
    void jobs.enqueue(task, { userId: "1" }, { tx: knexTransaction });
    void jobs.enqueue(task, { userId: "1" }, { tx: client });
    void jobs.enqueue(
      task,
      { userId: "1" },
      { tx: { query: (text: string, values: unknown[]) => client.query(text, values) } },
    );
    // @ts-expect-error not a transaction
    void jobs.enqueue(task, { userId: "1" }, { tx: {} });
  });

  it("makes an event durable, the event inferred", () => {
    const bus = createEventBus<Knex.Transaction>();
    bus.register(
      UserRegistered,
      jobs.durable(task, (event) => {
        expectTypeOf(event.userId).toBeString();
        return { userId: event.userId };
      }),
    );
    bus.register(
      UserRegistered,
      // @ts-expect-error no such property
      jobs.durable(task, (event) => ({ userId: event.nope })),
    );
    bus.register(
      UserRegistered,
      // @ts-expect-error a payload that does not fit
      jobs.durable(task, (event) => ({ id: event.userId })),
    );
  });

  it("connects by URL or pool", () => {
    createJobs({ connection: "postgres://localhost/db", outbox: { connection: pool } });
    // @ts-expect-error neither
    createJobs({ connection: 5432 });
    // @ts-expect-error attempts are required
    retry.fixed({ delayMs: 5 });
  });
});

describe("a pause", () => {
  it("is of one thing", () => {
    void jobs.admin.pause("everything");
    void jobs.admin.resume({ task: "t" });
    expectTypeOf(jobs.admin.resume({ queue: "q" })).resolves.toEqualTypeOf<boolean>();
    // @ts-expect-error a text that means nothing
    void jobs.admin.pause("all");
    // @ts-expect-error of nothing
    void jobs.admin.pause({});
  });
});

describe("a schedule", () => {
  it("takes the payload of its task, or what makes it of the tick", () => {
    schedule(task, { cron: "0 3 * * *", timeZone: "Europe/Berlin", payload: { userId: "1" } });
    schedule(task, { every: { minutes: 5 }, payload: { userId: "1" }, overlap: "queue", backfill: "all" });
    schedule(task, {
      at: new Date(),
      payload({ at }) {
        expectTypeOf(at).toEqualTypeOf<Date>();
        return { userId: at.toISOString() };
      },
    });
    // @ts-expect-error a payload that does not fit
    schedule(task, { every: { minutes: 5 }, payload: { userId: 1 } });
    // @ts-expect-error what makes a payload that does not fit
    schedule(task, { every: { minutes: 5 }, payload: () => ({ id: "1" }) });
  });

  it("has one kind of time", () => {
    // @ts-expect-error none
    schedule(task, { payload: { userId: "1" } });
    // @ts-expect-error two
    schedule(task, { cron: "0 3 * * *", at: new Date(), payload: { userId: "1" } });
    // @ts-expect-error a time zone without a pattern
    schedule(task, { every: { minutes: 5 }, timeZone: "UTC", payload: { userId: "1" } });
  });

  it("is what a worker takes", () => {
    const nightly = schedule(task, { cron: "@daily", payload: { userId: "1" } });
    void jobs.startWorker({ tasks: [perform(task, () => undefined)], schedules: [nightly] });
    // @ts-expect-error a task is no schedule
    void jobs.startWorker({ tasks: [perform(task, () => undefined)], schedules: [task] });
  });
});

describe("a durable handler", () => {
  it("has the type that @acme/domain-events knows, in both directions", () => {
    expectTypeOf<DurableHandler<UserRegistered>>().toEqualTypeOf<HandlerOfEvents<UserRegistered>>();
  });
});
