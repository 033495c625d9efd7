import { createUnitOfWork, type UnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import type { PoolClient } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, plainKeyOf, type TestJobs } from "./support/test-jobs.ts";
import { createJobs, defineTask, NonRetryableError, perform, retry } from "../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }), retry: retry.never });
const dayMs = 24 * 60 * 60 * 1_000;

/** Jobs whose effects are kept with runOnce in the database of the data. */
async function createBooks(options?: { outbox: boolean }) {
  const test = await createTestJobs(options);
  const unitOfWork = createUnitOfWork(pgTransactions(test.dataPool));
  await unitOfWork.migrate();
  return Object.assign(test, { unitOfWork });
}

async function use(unitOfWork: UnitOfWork<PoolClient>, ...keys: string[]) {
  for (const key of keys) await unitOfWork.runOnce(key, () => undefined);
}

const makeOld = (test: TestJobs, days = 60) =>
  test.dataPool.query("update domain_events.idempotency_keys set used_at = now() - $1 * interval '1 day'", [days]);

const isForgotten = async (test: TestJobs, key: string) =>
  (await test.dataPool.query("select 1 from domain_events.idempotency_keys where key = $1", [key])).rowCount === 0;

describe("the purge of idempotency keys", () => {
  it("keeps the key of a job that waits, and of a plain one", async () => {
    await using test = await createBooks();
    const id = await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query(`select graphile_worker.add_job('t', '{"n": 2}')`);
    const plain = await plainKeyOf(test.jobsPool, "2");
    const gone = plain.replace(":2:", ":3:");
    await use(test.unitOfWork, id, `${id}:mail`, plain, gone);
    await makeOld(test);

    expect(await test.jobs.purgeIdempotencyKeys(test.unitOfWork)).toBe(1);

    const kept = await Promise.all([id, `${id}:mail`, plain].map((key) => isForgotten(test, key)));
    expect([kept, await isForgotten(test, gone)]).toEqual([[false, false, false], true]);
  });

  it("keeps the key of an outbox row, wherever the row is on its way, until its job is done", async () => {
    await using test = await createBooks({ outbox: true });
    const id = await test.jobs.enqueue(task, { n: 1 });
    await use(test.unitOfWork, id);
    await makeOld(test);

    const whileInOutbox = await test.jobs.purgeIdempotencyKeys(test.unitOfWork);
    test.jobs.startRelay();
    const jobIsThere = async () => (await test.jobsPool.query("select 1 from graphile_worker.jobs")).rowCount;
    await expect.poll(jobIsThere).toBe(1);
    const whileAJob = await test.jobs.purgeIdempotencyKeys(test.unitOfWork);
    const worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)], relay: false });
    await expect.poll(jobIsThere).toBe(0);
    await worker.stop();
    const afterwards = await test.jobs.purgeIdempotencyKeys(test.unitOfWork);

    expect([whileInOutbox, whileAJob, afterwards]).toEqual([0, 0, 1]);
  });

  it("keeps the key of a dead letter, which may be retried years later without a second effect", async () => {
    await using test = await createBooks();
    await test.dataPool.query("create table effects (n int)");
    let failures = 1;
    const worker = await test.jobs.startWorker({
      tasks: [
        perform(task, async ({ n }, { idempotencyKey }) => {
          await test.unitOfWork.runOnce(idempotencyKey, ({ tx }) => tx.query("insert into effects values ($1)", [n]));
          if (failures-- > 0) throw new NonRetryableError("after its effect");
        }),
      ],
    });
    onTestFinished(() => worker.stop());
    const id = await test.jobs.enqueue(task, { n: 1 });
    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(1);
    await makeOld(test, 1_000);

    await test.jobs.purgeIdempotencyKeys(test.unitOfWork);
    await test.jobs.deadLetters.retry(id);

    const isGone = async () => (await test.jobsPool.query("select 1 from graphile_worker.jobs")).rowCount === 0;
    await expect.poll(isGone).toBe(true);
    expect((await test.dataPool.query("select n from effects")).rows).toEqual([{ n: 1 }]);
  });

  it("leaves keys alone that are not made from job ids, and young ones", async () => {
    await using test = await createBooks();
    const young = await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query("delete from graphile_worker._private_jobs");
    await use(
      test.unitOfWork,
      "order 7",
      "0190a000-0000-7000-8000-000000000001",
      "9b2f1c1e-3f7a-4b3f-9a60-0b6a4f0a3c11",
      "9b2f1c1e-3f7a-4b3f-9a60-0b6a4f0a3c11:1",
    );
    await makeOld(test);
    await use(test.unitOfWork, young);

    expect(await test.jobs.purgeIdempotencyKeys(test.unitOfWork)).toBe(0);
  });

  it("forgets nothing while the jobs database cannot be asked", async () => {
    await using test = await createBooks();
    await using jobs = createJobs({ connection: "postgres://nobody:nothing@127.0.0.1:1/none" });
    const id = await test.jobs.enqueue(task, { n: 1 });
    await use(test.unitOfWork, id);
    await makeOld(test);

    await expect(jobs.purgeIdempotencyKeys(test.unitOfWork)).rejects.toMatchObject({ code: "ECONNREFUSED" });

    expect(await isForgotten(test, id)).toBe(false);
  });

  it("refuses an age that a suspended process may outlast", async () => {
    await using test = await createBooks();

    await expect(test.jobs.purgeIdempotencyKeys(test.unitOfWork, { olderThanMs: dayMs - 1 })).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
  });

  it("is done by a worker that knows the unit of work", async () => {
    await using test = await createBooks();
    const id = await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query("delete from graphile_worker._private_jobs");
    await use(test.unitOfWork, id);
    await makeOld(test);

    const worker = await test.jobs.startWorker({
      tasks: [perform(task, () => undefined)],
      idempotencyKeys: test.unitOfWork,
    });
    onTestFinished(() => worker.stop());

    await expect.poll(() => isForgotten(test, id)).toBe(true);
  });

  it("refuses a worker an idempotencyKeys that is not a unit of work", async () => {
    await using test = await createBooks();
    const tasks = [perform(task, () => undefined)];

    await expect(test.jobs.startWorker({ tasks, idempotencyKeys: {} as never })).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
  });
});
