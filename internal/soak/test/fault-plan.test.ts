import { expect, it } from "vitest";
import { memberNames, planFaults } from "../src/fault-plan.ts";

it("plans the same faults for the same seed, and others for another", () => {
  const plan = planFaults({ seed: 7, durationMs: 600_000 });

  expect(planFaults({ seed: 7, durationMs: 600_000 })).toEqual(plan);
  expect(planFaults({ seed: 8, durationMs: 600_000 })).not.toEqual(plan);
});

it("kills every few seconds, terminates every ten, and restarts the server once a minute", () => {
  const plan = planFaults({ seed: 1, durationMs: 600_000 });
  const count = (kind: string) => plan.filter((fault) => fault.kind === kind).length;

  expect(count("kill")).toBeGreaterThan(150);
  expect(count("terminate")).toBe(60);
  expect(count("restart")).toBe(10);
  expect(count("pause")).toBeGreaterThan(40);
  for (const name of memberNames) expect(plan).toContainEqual(expect.objectContaining({ kind: "kill", target: name }));
});

it("puts every fault into the time of the soak, in order", () => {
  for (const durationMs of [5_000, 20_000, 180_000]) {
    const times = planFaults({ seed: 3, durationMs }).map(({ atMs }) => atMs);

    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(Math.max(...times)).toBeLessThan(durationMs);
  }
});

it("restarts the server once in a soak that is shorter than a minute", () => {
  const plan = planFaults({ seed: 1, durationMs: 20_000 });

  expect(plan.filter(({ kind }) => kind === "restart")).toHaveLength(1);
});
