import { currentCorrelation, withCorrelation } from "@acme/domain-events";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineTask, perform } from "../../src/index.ts";
import { createAttempts } from "../../src/worker/attempt.ts";
import { collectInto } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({}), timeoutMs: 30 });
const job = { jobId: "1", attempt: 1, idempotencyKey: "1", payload: {}, isQueued: false };

it("the time limit of an attempt is paused while the worker asks whether a newer job has the key", async () => {
  const asked = Promise.withResolvers<boolean>();
  const attempts = createAttempts(collectInto([]));
  const result = attempts.run(
    perform(task, () => undefined),
    { ...job, isSuperseded: () => asked.promise },
  );
  // Longer than the attempt may take.
  setTimeout(() => asked.resolve(false), 100);

  await expect(result).resolves.toBeUndefined();
});

it("the time limit of an attempt runs on when the worker has its answer", async () => {
  const attempts = createAttempts(collectInto([]));
  const hanging = perform(task, () => new Promise(() => undefined));

  const result = attempts.run(hanging, { ...job, isSuperseded: () => Promise.resolve(false) });

  await expect(result).rejects.toMatchObject({ code: "ATTEMPT_TIMEOUT" });
});

it.each([undefined, { requestId: "own" }])(
  "an attempt runs its code in the correlation of its job alone, whoever calls it: %j",
  async (origin) => {
    const attempts = createAttempts(collectInto([]));
    const seen: unknown[] = [];
    const performable = perform(task, async () => {
      seen.push(currentCorrelation());
      await Promise.resolve();
      seen.push(currentCorrelation());
    });

    await withCorrelation({ requestId: "caller", eventId: "7" }, () => attempts.run(performable, { ...job, origin }));

    expect(seen).toEqual([origin ?? {}, origin ?? {}]);
  },
);
