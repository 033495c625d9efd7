import knexFactory from "knex";
import { Pool } from "pg";
import { expect, it } from "vitest";
import { perform } from "../../../src/index.ts";
import { assertEnqueued, drain, enqueued, makeDue, waitFor } from "../../../src/testing/index.ts";
import { bill, inAnHour, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

const refused = (code: string) => expect.objectContaining({ code }) as object;

export function refusalCases(world: () => World): void {
  it("refuses options and payloads that do not fit", async () => {
    const { jobs } = world();
    const list = bill as unknown as Parameters<typeof jobs.enqueue>[0];
    const options = [
      { runAt: "now" },
      { runAt: new Date(NaN) },
      { key: "" },
      { key: "k".repeat(301) },
      { keyMode: "preserveRunAt" },
      { key: "k", keyMode: "dedupe" },
      { queue: "q".repeat(129) },
      { priority: 0.5 },
      { priority: 32_768 },
      { runat: inAnHour() },
    ];
    for (const each of options) {
      await expect(jobs.enqueue(bill, { n: 1 }, each as object)).rejects.toEqual(refused("ENQUEUE_INVALID"));
    }
    await expect(jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }], { key: "k" })).rejects.toEqual(
      refused("ENQUEUE_INVALID"),
    );
    for (const payload of [undefined, {}, { n: "1" }, { n: 1, currency: "\0" }]) {
      await expect(jobs.enqueue(list, payload as never)).rejects.toEqual(refused("PAYLOAD_INVALID"));
    }
    await expect(jobs.enqueue("bill" as never, {} as never)).rejects.toEqual(refused("TASK_UNKNOWN"));
    await expect(jobs.enqueue(undefined as never, {} as never)).rejects.toEqual(refused("TASK_UNKNOWN"));
    expect(() => jobs.durable("bill" as never, () => 1 as never)).toThrow(refused("TASK_UNKNOWN"));
    expect(() => jobs.durable(bill, undefined as never)).toThrow(refused("HANDLER_INVALID"));
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("refuses a tx that is no transaction", async () => {
    const { jobs } = world();
    const pool = new Pool();
    const knex = knexFactory({ client: "pg" });
    for (const tx of [undefined, null, 1, {}, pool, knex]) {
      await expect(jobs.enqueue(bill, { n: 1 }, { tx: tx as never })).rejects.toEqual(refused("TRANSACTION_INVALID"));
      await expect(enqueued(jobs, bill, { tx: tx as never })).rejects.toEqual(refused("TRANSACTION_INVALID"));
    }
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("refuses what the helpers do not know", async () => {
    const { jobs } = world();
    const task = performBill([]);
    await expect(drain(jobs, { tasks: [] })).rejects.toEqual(refused("HANDLER_INVALID"));
    await expect(drain(jobs, { tasks: [bill as never] })).rejects.toEqual(refused("HANDLER_INVALID"));
    await expect(drain(jobs, { tasks: [task, task] })).rejects.toEqual(refused("TASK_DUPLICATE"));
    await expect(drain(jobs, { tasks: [task], within: 1 } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    for (const limit of [0, 1.5, "1", NaN]) {
      await expect(drain(jobs, { tasks: [task], limit: limit as number })).rejects.toEqual(refused("OPTIONS_INVALID"));
    }
    await expect(enqueued(jobs, undefined as never)).rejects.toEqual(refused("TASK_UNKNOWN"));
    await expect(enqueued(jobs, { trx: 1 } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(assertEnqueued(jobs, bill, { payloads: {} } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(assertEnqueued(jobs, bill)).rejects.toMatchObject({ name: "AssertionError" });
    await expect(makeDue(jobs, "bill" as never)).rejects.toEqual(refused("TASK_UNKNOWN"));
    await expect(waitFor(jobs, "1", "dead")).rejects.toEqual(refused("OPTIONS_INVALID"));
    expect(() => perform(bill, undefined as never)).toThrow(refused("HANDLER_INVALID"));
  });

  it("refuses filters of dead letters that do not fit", async () => {
    const { deadLetters } = world().jobs;
    for (const filter of [{ limit: 0 }, { tasks: "x" }, { error: "" }, { since: "today" }, { after: "x" }]) {
      await expect(deadLetters.list(filter as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    }
    await expect(deadLetters.count({ limit: 1 } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(deadLetters.retryAll(undefined as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(deadLetters.discardAll({}, { onprogress: 1 } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(deadLetters.purge({} as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(deadLetters.get("\0")).rejects.toEqual(refused("OPTIONS_INVALID"));
    await expect(deadLetters.retryAll({}, { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow("stop");
  });

  it("migrates at any time, and refuses everything after close()", async () => {
    const jobs = world().another();
    await jobs.migrate();
    await jobs.migrateOutbox();
    await expect(jobs.migrate({ force: true } as never)).rejects.toEqual(refused("OPTIONS_INVALID"));
    expect(await jobs.health()).toEqual({ workers: [], jobsDatabase: "up", outbox: undefined });
    await jobs.close();
    await jobs.close();

    await expect(jobs.enqueue(bill, { n: 1 })).rejects.toEqual(refused("CLOSED"));
    await expect(jobs.deadLetters.list()).rejects.toEqual(refused("CLOSED"));
    await expect(jobs.deadLetters.retry("x")).rejects.toEqual(refused("CLOSED"));
    await expect(jobs.migrate()).rejects.toEqual(refused("CLOSED"));
    await expect(enqueued(jobs)).rejects.toEqual(refused("CLOSED"));
    await expect(makeDue(jobs)).rejects.toEqual(refused("CLOSED"));
    await expect(drain(jobs, { tasks: [performBill([])] })).rejects.toEqual(refused("CLOSED"));
  });
}
