import * as fc from "fast-check";
import { expect, it } from "vitest";
import { comeToRest } from "./worker-model/come-to-rest.ts";
import { allEnds } from "./worker-model/ends.ts";
import { cut, heal, letGo, lockTable, recreate, silence, terminate, vanish, wait } from "./worker-model/fault-steps.ts";
import { addBySql, endRun, enqueue } from "./worker-model/job-steps.ts";
import { createModel } from "./worker-model/model.ts";
import { looked, toCommand, type Step } from "./worker-model/step.ts";
import { join, leave, restart } from "./worker-model/worker-steps.ts";
import { createWorld } from "./worker-model/world.ts";

// WORKER_MODEL_RUNS=500 makes more of them, WORKER_MODEL_SEED=2 others, WORKER_MODEL_MS ends them, and the search for a shorter program, after
// that time. A failure prints seed, path and shrunk steps; as real workers take part, it need not come again each time.
const numRuns = Number(process.env["WORKER_MODEL_RUNS"] ?? 12);
const seed = Number(process.env["WORKER_MODEL_SEED"] ?? 1);
const interruptAfterTimeLimit = Number(process.env["WORKER_MODEL_MS"] ?? 3_000_000);
const workerCount = 2;

const number = fc.nat(5);
const kind = fc.constantFrom(
  {},
  {},
  { queue: "one" },
  { queue: "one" },
  { key: "a" },
  { key: "b", queue: "one" },
  { priority: -10 },
  { isLater: true } as const,
);
const end = fc.constantFrom("success" as const, "success" as const, "success" as const, ...allEnds);
const table = fc.constantFrom(
  "graphile_worker._private_jobs",
  "graphile_worker._private_job_queues",
  "acme_jobs.failures",
);
const allSteps: readonly { readonly weight: number; readonly step: fc.Arbitrary<Step> }[] = [
  { weight: 6, step: kind.map(enqueue) },
  { weight: 2, step: fc.constantFrom("theirs" as const, "modelled" as const).map(addBySql) },
  { weight: 8, step: fc.tuple(number, end).map((values) => endRun(...values)) },
  { weight: 3, step: fc.constantFrom(100, 300, 900).map(wait) },
  { weight: 1, step: number.map(cut) },
  { weight: 1, step: number.map(silence) },
  { weight: 2, step: number.map(vanish) },
  { weight: 3, step: number.map(heal) },
  { weight: 1, step: number.map(terminate) },
  { weight: 1, step: table.map(lockTable) },
  { weight: 1, step: fc.constant(letGo) },
  { weight: 1, step: fc.constantFrom("empty" as const, "ready" as const).map(recreate) },
  { weight: 1, step: number.map(join) },
  { weight: 1, step: number.map(leave) },
  { weight: 1, step: number.map(restart) },
];
const commands = fc.commands(
  allSteps.flatMap(({ weight, step }) => Array.from({ length: weight }, () => step.map(toCommand))),
  { maxCommands: 15, size: "max" },
);

it("a system of workers keeps every promise about jobs, whatever happens to workers, networks, tables and the database", async () => {
  const checking = fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      const model = createModel(workerCount);
      await using world = await createWorld(model);
      await world.plain.start();
      for (const first of [join(0), join(0), enqueue({}), enqueue({ queue: "one" })]) await looked(first, model, world);

      await fc.asyncModelRun(() => ({ model, real: world }), steps);

      await comeToRest(model, world);
    }),
    { numRuns, seed, interruptAfterTimeLimit },
  );

  await expect(checking).resolves.toBeUndefined();
}, 3_600_000);
