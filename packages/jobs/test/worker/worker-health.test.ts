import { expect, it } from "vitest";
import { createWorkerHealth } from "../../src/worker/worker-health.ts";

it("a worker is unwell for as long as one thing is refused, whatever else goes well, and gives up", async () => {
  const refusals: unknown[] = [];
  const health = createWorkerHealth({ giveUpAfterMs: 0, onGiveUp: (refusal) => refusals.push(refusal) });
  const [fetching, noting] = [health.depend(), health.depend()];
  const error = new Error("refused");

  noting({ error });
  fetching();

  expect([health.isWell, refusals]).toEqual([false, [error]]);
  noting();
  expect(health.isWell).toBe(true);
});

it("a worker is unwell though nothing has failed, if it does not get on", () => {
  const health = createWorkerHealth({ giveUpAfterMs: 0, onGiveUp: () => undefined });
  const beating = health.depend();

  beating(undefined, false);

  expect(health.isWell).toBe(false);
});
