import * as fc from "fast-check";
import { expect, it } from "vitest";
import { expectAgreement } from "./scope-model/expect-agreement.ts";
import { printProgram } from "./scope-model/print-program.ts";
import { stepsIn } from "./scope-model/program.ts";
import { programsWith } from "./scope-model/programs.ts";
import { knexSender, pgSender, type Sender } from "./scope-model/senders.ts";
import { createWorld } from "./scope-model/world.ts";

// MODEL_STEPS=100000 makes more of them, MODEL_SEED=1 others. A failure prints seed, path and the smallest program.
const stepCount = Number(process.env["MODEL_STEPS"] ?? 40_000);
const seed = Number(process.env["MODEL_SEED"] ?? 1);

/** On average. */
const stepsPerProgram = 25;
const driverCount = 2;

describeModel(knexSender);
describeModel(pgSender);

function describeModel<Tx>(sender: Sender<Tx>): void {
  const { name } = sender.driver;
  const programs = programsWith({ hasNested: sender.nested !== undefined }).map((program) =>
    Object.assign(program, { toString: () => printProgram(program) }),
  );

  it(`publishes what is stored and nothing else, whatever a work does with savepoints, joins and siblings (${name})`, async () => {
    await using world = await createWorld(sender);
    let performedCount = 0;

    await fc.assert(
      fc.asyncProperty(programs, async (program) => {
        performedCount += [...stepsIn(program.steps)].length;
        await expectAgreement(world, program);
      }),
      { numRuns: Math.ceil(stepCount / driverCount / stepsPerProgram), seed, timeout: 10_000 },
    );

    expect(performedCount).toBeGreaterThan((0.8 * stepCount) / driverCount);
  }, 3_600_000);
}
