import { expect, it } from "vitest";
import type { FailedAttempt } from "../../src/graphile/failure-notes.ts";
import type { Outcome } from "../../src/task/outcome.ts";
import { createSettlement } from "../../src/worker/settlement.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const dead: Outcome = { kind: "dead", attemptsUsed: 2 };
const again: Outcome = { kind: "retry", attemptsUsed: 1, delayMs: 1 };

it.each(["intended", "written"])(
  "the failure of a run whose job a newer pool of the worker has got decides nothing there, once it is %s",
  async (when) => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(killable, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'new', locked_at = now(), attempts = 2",
    );
    const settlement = createSettlement({
      pool: test.jobsPool,
      logger: collectInto([]),
      onRescheduled: () => undefined,
      onNoted: () => undefined,
      giveUp: new AbortController().signal,
    });
    const [older, newer] = [settlement.forPool(), settlement.forPool()];
    const failed = (lockCount: number, outcome: Outcome): FailedAttempt => ({
      jobId: "1",
      idempotencyKey: id,
      task: killable.name,
      attempt: lockCount,
      lockCount,
      outcome,
      error: new Error(`attempt ${lockCount}`),
    });
    const job = { id: "1", attempts: 2, job_queue_id: null };

    newer.intend(failed(2, dead));
    older.intend(failed(1, again));
    if (when === "written") {
      await older.beforeFailing(["1"], "old");
      older.onReleased({ how: "failed", jobs: [job] });
    }
    await newer.beforeFailing(["1"], "new");
    await test.jobsPool.query("update graphile_worker._private_jobs set locked_by = null, locked_at = null");
    newer.onReleased({ how: "failed", jobs: [job] });
    await settlement.drain();

    expect(await test.jobs.deadLetters.list()).toMatchObject([{ id, attempts: 2 }]);
  },
);
