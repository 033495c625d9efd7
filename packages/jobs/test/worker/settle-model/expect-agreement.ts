import { expect } from "vitest";
import { deadLettersOf, type Model, type ModelJob } from "./model.ts";
import type { Rows } from "./world.ts";

/** PostgreSQL counts microseconds. */
const roundingMs = 1;

/** Of every job that was ever added, the tables say what the model says, and of no other. */
export function expectAgreement(model: Model, rows: Rows): void {
  model.now = rows.now + model.waitedMs;
  for (const { due } of model.jobs) due.before ??= model.now;
  expectRows(model, rows);
  expectTimes(model, rows);
  expectNotes(model, rows);
  expect(sorted(rows.letters), "dead letters").toEqual(
    sorted(deadLettersOf(model).map(({ id, used, errors }) => ({ id, attempts: used, errors }))),
  );
}

function expectRows(model: Model, { jobs }: Rows): void {
  const expected = jobsInTable(model).map((job) => ({
    id: job.id,
    rowId: job.rowId,
    key: job.isDropped ? null : (job.key ?? null),
    lockedBy: job.lockedBy ?? null,
    canBeLocked: job.place === "free" && !job.isDropped,
  }));
  const actual = jobs.map(({ id, rowId, key, lockedBy, canBeLocked }) => ({ id, rowId, key, lockedBy, canBeLocked }));
  expect(sorted(actual), "jobs").toEqual(sorted(expected));
}

/** How often it was locked and when it runs next is exact once nothing is left to be done about it. */
function expectTimes(model: Model, { jobs }: Rows): void {
  for (const job of jobsInTable(model)) {
    if (job.place !== "free" || job.isDropped || job.pending !== undefined) continue;
    const row = jobs.find(({ id }) => id === job.id);
    const { delayMs, after, before = Infinity } = job.due;
    const runAt = (row?.runAt ?? Number.NaN) + model.waitedMs;
    expect(row?.attempts, "locks that count").toBe(job.used + job.uncountedCrashes);
    expect(runAt, "not early").toBeGreaterThanOrEqual(after + delayMs - roundingMs);
    expect(runAt, "not late").toBeLessThanOrEqual(before + delayMs + roundingMs);
  }
}

function expectNotes(model: Model, { notes }: Rows): void {
  for (const job of jobsInTable(model)) {
    if (job.isDropped) continue;
    const note = notes.find(({ rowId, id }) => rowId === job.rowId && id === job.id);
    const { errors = [], isSettled = true, uncounted = 0 } = note ?? {};
    expect({ errors, isSettled, uncounted }, "what is noted").toEqual({
      errors: job.errors,
      isSettled: job.pending === undefined,
      uncounted: job.uncountedCrashes,
    });
  }
}

function jobsInTable({ jobs }: Model): ModelJob[] {
  return jobs.filter(({ place }) => place === "free" || place === "locked");
}

function sorted<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => a.id.localeCompare(b.id));
}
