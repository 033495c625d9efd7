import { expect, it } from "vitest";
import { planFaults } from "../src/fault-plan.ts";
import { memberNames } from "../src/faults.ts";

it("plans the same faults for the same seed, and others for another", () => {
  const plan = planFaults({ seed: 7, durationMs: 600_000 });

  expect(planFaults({ seed: 7, durationMs: 600_000 })).toEqual(plan);
  expect(planFaults({ seed: 8, durationMs: 600_000 })).not.toEqual(plan);
});

it("kills every few seconds, terminates every ten, and crashes the server as often", () => {
  const plan = planFaults({ seed: 1, durationMs: 600_000 });
  const count = (kind: string) => plan.filter((fault) => fault.kind === kind).length;

  expect(count("kill")).toBeGreaterThan(150);
  expect(count("terminate")).toBe(60);
  expect(count("crash")).toBeGreaterThan(40);
  expect(count("pause")).toBeGreaterThan(40);
  for (const name of memberNames) expect(plan).toContainEqual(expect.objectContaining({ kind: "kill", target: name }));
});

it("breaks COMMITs of every member, in each database it writes to, in every way", () => {
  const plan = planFaults({ seed: 1, durationMs: 600_000 });
  const broken = plan.filter((fault) => fault.kind === "commit");
  const connections = broken.map(({ target, database }) => `${target} ${database}`);

  for (const kind of ["writer", "worker", "relay"]) {
    const ofKind = broken.filter(({ target }) => target.startsWith(kind));
    expect(ofKind.length).toBeGreaterThan(300);
    expect(new Set(ofKind.map(({ how }) => how))).toEqual(new Set(["drop-reply", "cut-before", "hold-reply"]));
  }
  expect(new Set(connections)).toEqual(
    new Set(
      memberNames.flatMap((name) => (name.startsWith("writer") ? [`${name} app`] : [`${name} app`, `${name} jobs`])),
    ),
  );
});

it("breaks the network of one and of all, limits statements and locks tables of both databases", () => {
  const plan = planFaults({ seed: 1, durationMs: 600_000 });
  const blips = plan.filter((fault) => fault.kind === "blip");
  const limits = plan.filter((fault) => fault.kind === "limit");
  const locks = plan.filter((fault) => fault.kind === "lock");

  expect(blips.length).toBeGreaterThan(40);
  expect(new Set(blips.map(({ how }) => how))).toEqual(new Set(["cut", "silent"]));
  expect(new Set(blips.map(({ target }) => target))).toEqual(new Set([...memberNames, "all"]));
  expect(Math.min(...blips.map(({ forMs }) => forMs))).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...blips.map(({ forMs }) => forMs))).toBeLessThanOrEqual(10_000);
  expect(new Set(limits.map(({ setting }) => setting))).toEqual(new Set(["statement_timeout", "lock_timeout"]));
  expect(plan.filter((fault) => fault.kind === "hold").length).toBeGreaterThan(40);
  expect(locks.length).toBeGreaterThan(50);
  expect(new Set(locks.map(({ database }) => database))).toEqual(new Set(["app", "jobs"]));
});

it("puts every fault into the time of the soak, in order", () => {
  for (const durationMs of [5_000, 20_000, 180_000]) {
    const times = planFaults({ seed: 3, durationMs }).map(({ atMs }) => atMs);

    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(Math.max(...times)).toBeLessThan(durationMs);
  }
});

it.each([
  { time: "each minute", durationMs: 600_000, count: 10 },
  { time: "a soak that is shorter than that", durationMs: 20_000, count: 1 },
])("stops the server once in $time, stops it immediately, and lets its standby take over", ({ durationMs, count }) => {
  const plan = planFaults({ seed: 1, durationMs });
  const ways = plan.flatMap((fault) => {
    if (fault.kind === "restart") return [fault.how];
    return fault.kind === "failover" ? [fault.kind] : [];
  });

  for (const way of ["fast", "immediate", "failover"]) expect(ways.filter((each) => each === way)).toHaveLength(count);
});

it("crashes the server in a short soak, too", () => {
  const plan = planFaults({ seed: 7, durationMs: 20_000 });

  expect(plan.filter(({ kind }) => kind === "crash").length).toBeGreaterThan(0);
});
