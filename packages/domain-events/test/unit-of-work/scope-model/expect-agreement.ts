import { expect } from "vitest";
import { expectedOf } from "./model.ts";
import { Performance } from "./performance.ts";
import { hasOwnSavepoints, numbered, type Program } from "./program.ts";
import type { World } from "./world.ts";

/** How a program that depends on timing may end: with its own errors, those of the server, or a refusal that says what to await. */
const rightOutcome = /^(committed|boom|22012|23505|25P02|3B001|[A-Z]+_(OWNED|OPEN|ENDED|DOOMED|ABORTED|TRACKED))$/;

/** Runs the program, and finds published what is stored, in the order of recording, and no more or less than the model says. */
export async function expectAgreement<Tx>(world: World<Tx>, program: Program): Promise<void> {
  numbered(program);
  world.startLedger();
  const { ledger, here, elsewhere } = world;
  const performance = new Performance(world, program);

  const outcome = await performance.run();

  const stored = await here.stored();
  const storedElsewhere = await elsewhere.stored();
  expect(ledger.mistakes).toEqual([]);
  const rows = sorted([...stored, ...storedElsewhere]);
  expect(sorted(ledger.published), "published is what is stored").toEqual(rows);
  for (const [place, recorded] of ledger.recorded()) {
    const published = ledger.published.filter((n) => recorded.includes(n));
    expect(published, "in the order of recording").toEqual(recorded.filter((n) => published.includes(n)));
    if (place.name === "here" && outcome !== "committed") expect(published, "of a unit that rejects").toEqual([]);
  }
  expect([here.inUseCount(), elsewhere.inUseCount()], "connections in use").toEqual([0, 0]);

  if (outcome === "committed" && !hasOwnSavepoints(program)) {
    const lost = performance.done.filter((n) => !stored.includes(n));
    expect(lost, "succeeded in a scope that has succeeded, and is not stored").toEqual([]);
  }

  const expected = expectedOf(program);
  if (!expected) return expect(outcome).toMatch(rightOutcome);
  expect([...performance.root.pullEvents(), ...performance.source.pullEvents()], "left in aggregates").toEqual([]);
  expect({ outcome, stored, storedElsewhere }).toEqual({
    outcome: expected.outcome,
    stored: sorted([...expected.stored, ...(expected.outcome === "committed" ? expected.storedLate : [])]),
    storedElsewhere: expected.storedElsewhere,
  });
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
