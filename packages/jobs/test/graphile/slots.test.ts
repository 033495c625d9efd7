import { expect, it } from "vitest";
import { createSlots } from "../../src/graphile/slots.ts";

const concurrency = 25;

/** Slots by a clock of their own, after so many jobs that began together and took so long. */
function slotsAfter(jobsMs: number, count = concurrency) {
  let now = 0;
  const slots = createSlots(
    concurrency,
    () => undefined,
    () => now,
  );
  const begin = (many: number) => {
    slots.taken(many);
    return Array.from({ length: many }, () => slots.began());
  };
  const ends = begin(count);
  now += jobsMs;
  for (const end of ends) end();
  return { slots, begin, pass: (ms: number) => (now += ms) };
}

it("allows as many jobs as begin at once if nothing is known of their durations", () => {
  const { slots } = slotsAfter(0, 0);

  expect(slots.allowed()).toBe(25);
});

it("allows to fetch ahead the jobs that will begin within a tenth of a second", () => {
  const { slots, begin } = slotsAfter(50);

  expect(slots.allowed()).toBe(concurrency + 50);
  begin(25);
  expect(slots.allowed()).toBe(50);
});

it.each([100, 1_000, 60_000])(
  "allows to fetch no jobs ahead while jobs take %d ms, because they end together as they began",
  (jobsMs) => {
    const { slots, begin } = slotsAfter(jobsMs);

    expect(slots.allowed()).toBe(25);
    begin(24);
    expect(slots.allowed()).toBe(1);
    begin(1);
    expect(slots.allowed()).toBe(0);
  },
);

it("allows to fetch no jobs ahead while short jobs have become long", () => {
  const { slots, begin, pass } = slotsAfter(1);
  begin(25);

  pass(99);
  expect(slots.allowed()).toBeGreaterThan(0);
  pass(1);
  expect(slots.allowed()).toBe(0);
});

it("gives places back with jobs that have not begun", () => {
  const { slots } = slotsAfter(1_000);
  slots.taken(25);
  expect(slots.allowed()).toBe(0);

  slots.gaveBack(5);

  expect(slots.allowed()).toBe(5);
});
