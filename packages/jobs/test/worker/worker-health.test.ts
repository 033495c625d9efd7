import { expect, it } from "vitest";
import { createWorkerHealth } from "../../src/worker/worker-health.ts";

it("a worker is unwell, and gives up, while one dependency is refused, although others succeed", async () => {
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

it("a worker is unwell if it makes no progress, although nothing has failed", () => {
  const health = createWorkerHealth({ giveUpAfterMs: 0, onGiveUp: () => undefined });
  const beating = health.depend();

  beating(undefined, false);

  expect(health.isWell).toBe(false);
});
