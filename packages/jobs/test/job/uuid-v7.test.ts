import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../src/job/uuid-v7.ts";

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("ids", () => {
  it("are UUIDv7 that grow, whatever the clock does", () => {
    const times = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2 });
    fc.assert(
      fc.property(times, (steps) => {
        const now = Date.now();
        const ids = steps.map((step) => uuidV7(now + step));

        for (const id of ids) expect(id).toMatch(form);
        expect(ids.toSorted()).toEqual(ids);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it("begin with the time", () => {
    const later = Date.now() + 3_600_000;

    const id = uuidV7(later);

    expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(later);
  });
});
