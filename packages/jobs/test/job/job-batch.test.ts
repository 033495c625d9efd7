import { createEventBus, createUnitOfWork, defineEvent } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, outboxCount, type TestJobs } from "../support/test-jobs.ts";
import { defineTask, type JobOptions } from "../../src/index.ts";

class OrderPlaced extends defineEvent("order.placed") {}
const task = defineTask("send_receipt", { payload: z.object({ n: z.number() }) });
const other = defineTask('"other"\\', { payload: z.unknown() });

const settings: JobOptions[] = [
  { runAt: new Date("2099-01-02T03:04:05.678Z") },
  { queue: 'a "queue" \\', priority: -7 },
  { key: "k" },
  {},
  { key: "k2", priority: 3 },
];

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("jobs that are written together, %s", (_, outbox) => {
  it("keep each its own task, payload and settings", async () => {
    await using test = await createTestJobs({ outbox });
    const bus = createEventBus();
    for (const [n, options] of settings.entries()) {
      bus.register(
        OrderPlaced,
        test.jobs.durable(task, () => ({ n }), options),
      );
      bus.register(
        OrderPlaced,
        test.jobs.durable(other, () => [n, "é\n💶"]),
      );
    }

    await createUnitOfWork(pgTransactions(test.dataPool), { bus }).run(({ record }) => record(new OrderPlaced()));

    await arrived(test, outbox);
    const { rows } = await test.jobsPool.query(
      `select task_identifier as task, payload, key, priority, queue_name as queue, 
         case when run_at > created_at + interval '1 hour' then date_trunc('milliseconds', run_at) end as "runAt"
       from graphile_worker.jobs join (select id, payload from graphile_worker._private_jobs) as stored using (id)
       order by (payload::text) collate "C", id`,
    );
    const plain = { key: null, priority: 0, queue: null, runAt: null };
    const ofOther = (n: number) => ({ ...plain, task: other.name, payload: [n, "é\n💶"] });
    const ofTask = (n: number, rest: object = {}) => ({ ...plain, task: task.name, payload: { n }, ...rest });
    expect(rows).toEqual([
      ...settings.map((_options, n) => ofOther(n)),
      ofTask(0, settings[0]),
      ofTask(1, settings[1]),
      ofTask(2, { key: "send_receipt:k" }),
      ofTask(3),
      ofTask(4, { key: "send_receipt:k2", priority: 3 }),
    ]);
  });
});

describe("neighbours in an outbox", () => {
  it.each([{ runAt: new Date("2099-01-02") }, { queue: "q" }, { priority: 7 }, { key: "k" }])(
    "keep their own settings when they differ in one alone: %j",
    async (options) => {
      await using test = await createTestJobs({ outbox: true });
      const first = await test.jobs.enqueue(task, { n: 1 });
      const second = await test.jobs.enqueue(task, { n: 2 }, options);

      await arrived(test, true);

      const { rows } = await test.jobsPool.query(
        `select substr(jsonb_object_keys(flags), 9) as id, priority = 7 or key is not null or queue_name is not null or run_at > now() as "isOther"
         from graphile_worker.jobs order by 1`,
      );
      expect(rows).toEqual([
        { id: first, isOther: false },
        { id: second, isOther: true },
      ]);
    },
  );
});

async function arrived(test: TestJobs, outbox: boolean): Promise<void> {
  if (!outbox) return;
  const relay = test.jobs.startRelay();
  onTestFinished(() => relay.stop());
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
}
