import { uuidV7 } from "@acme/shared/uuid-v7";
import { describe, expect, it } from "vitest";
import { waitedUntil } from "../../src/worker/waited-until.ts";

const hourMs = 3_600_000;

describe("the wait of a job", () => {
  it("is the time since it was due, for its first attempt only", () => {
    const job = { dueAt: 1_000, id: undefined };

    expect(waitedUntil(1_500, { ...job, lockCount: 1 })).toBe(500);
    expect(waitedUntil(1_500, { ...job, lockCount: 2 })).toBeUndefined();
    expect(waitedUntil(1_500, { lockCount: 1, dueAt: undefined, id: undefined })).toBeUndefined();
  });

  it("does not begin before the job was there, whatever time in the past it was given", () => {
    const id = uuidV7();

    for (const dueAt of [-hourMs, -Infinity]) expect(waitedUntil(0, { lockCount: 1, dueAt, id })).toBeLessThan(60_000);
  });

  it("does not depend on the clock of the host that enqueued it where clocks may be to blame", () => {
    expect(waitedUntil(0, { lockCount: 1, dueAt: -59_000, id: uuidV7() })).toBe(59_000);
  });

  it("is taken as it is where the id says no time", () => {
    const id = "0199f2c1-0000-4000-8000-000000000000";

    expect(waitedUntil(0, { lockCount: 1, dueAt: -hourMs, id })).toBe(hourMs);
  });
});
