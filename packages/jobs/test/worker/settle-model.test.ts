import * as fc from "fast-check";
import { expect, it } from "vitest";
import { comeToRest } from "./settle-model/come-to-rest.ts";
import { discardDeadLetter, enqueue, removeByKey, retryDeadLetter } from "./settle-model/job-steps.ts";
import { createModel } from "./settle-model/model.ts";
import { goOn, lock, settleTwice } from "./settle-model/run-steps.ts";
import { compared, toCommand, type Step } from "./settle-model/step.ts";
import { failures } from "./settle-model/what-follows.ts";
import { die, loseSession, recover, stall, startWorker, sweep, wait } from "./settle-model/worker-steps.ts";
import { createWorld } from "./settle-model/world.ts";

// SETTLE_MODEL_RUNS=5000 makes more of them, SETTLE_MODEL_SEED=1 others. A failure prints seed, path and shrunk steps.
const numRuns = Number(process.env["SETTLE_MODEL_RUNS"] ?? 100);
const seed = Number(process.env["SETTLE_MODEL_SEED"] ?? 1);
const workerCount = 3;

const number = fc.nat(5);
const key = fc.constantFrom("a", "b");
const allSteps: readonly { readonly weight: number; readonly step: fc.Arbitrary<Step> }[] = [
  { weight: 2, step: fc.option(key, { nil: undefined }).map(enqueue) },
  { weight: 5, step: fc.tuple(number, number).map((values) => lock(...values)) },
  { weight: 12, step: fc.tuple(number, fc.constantFrom("success", ...failures)).map((values) => goOn(...values)) },
  { weight: 1, step: number.map(settleTwice) },
  { weight: 4, step: fc.constantFrom(3_000, 60_000, 60_000, 5 * 3_600_000).map(wait) },
  { weight: 2, step: fc.tuple(number, fc.boolean()).map((values) => die(...values)) },
  { weight: 2, step: number.map(startWorker) },
  { weight: 2, step: number.map(recover) },
  { weight: 1, step: number.map(sweep) },
  { weight: 1, step: number.map(stall) },
  { weight: 1, step: number.map(loseSession) },
  { weight: 1, step: key.map(removeByKey) },
  { weight: 1, step: number.map(retryDeadLetter) },
  { weight: 1, step: number.map(discardDeadLetter) },
];
const commands = fc.commands(
  allSteps.flatMap(({ weight, step }) => Array.from({ length: weight }, () => step.map(toCommand))),
  { maxCommands: 120, size: "max" },
);

it("keeps every job, its attempts and its times, whatever fails or dies between any two steps", async () => {
  await using world = await createWorld(workerCount);

  const checking = fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      await world.reset();
      const model = createModel(workerCount, (await world.read()).now);
      for (const first of [startWorker(0), enqueue(undefined), enqueue("a")]) await compared(first, model, world);

      await fc.asyncModelRun(() => ({ model, real: world }), steps);

      await comeToRest(model, world);
    }),
    { numRuns, seed },
  );

  await expect(checking).resolves.toBeUndefined();
}, 3_600_000);
