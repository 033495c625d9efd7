import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { correlationCases } from "./conformance/correlation.ts";
import { enqueueCases } from "./conformance/enqueue.ts";
import { helperCases } from "./conformance/helpers.ts";
import { keyCases } from "./conformance/keys.ts";
import { letterCases } from "./conformance/letters.ts";
import { outcomeCases } from "./conformance/outcomes.ts";
import { refusalCases } from "./conformance/refusals.ts";
import { unitCases } from "./conformance/units.ts";
import { memoryWorld, postgresWorld, type World } from "./conformance/world.ts";

describe.each([
  ["in memory", memoryWorld],
  ["in PostgreSQL", postgresWorld],
])("jobs %s", (_, open) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  beforeEach(() => world.clear());
  afterAll(() => world[Symbol.asyncDispose]());

  for (const cases of [
    enqueueCases,
    keyCases,
    outcomeCases,
    letterCases,
    unitCases,
    correlationCases,
    helperCases,
    refusalCases,
  ]) {
    describe(cases.name.replace("Cases", ""), () => cases(() => world));
  }
});
