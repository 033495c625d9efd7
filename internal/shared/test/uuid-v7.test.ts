import { array, assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { timeOfUuidV7, uuidV7 } from "../src/uuid-v7.ts";

describe("uuidV7", () => {
  it("has the form, version and variant of RFC 9562, and the time in front", () => {
    const timeMs = Date.now() + 1_000;

    const id = uuidV7(timeMs);

    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(timeMs);
  });

  it("grows, whatever the clock does", () => {
    const start = Date.now() + 10_000;
    assert(
      property(array(integer({ min: -1_000, max: 1_000 }), { minLength: 2, maxLength: 200 }), (jumps) => {
        const ids = jumps.map((jump) => uuidV7(start + jump));

        expect(ids).toEqual(ids.toSorted());
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it("grows a hundred thousand times within one millisecond", () => {
    const now = Date.now() + 100_000;
    const ids = Array.from({ length: 100_000 }, () => uuidV7(now));

    expect(ids.every((id, index) => index === 0 || id > ids[index - 1]!)).toBe(true);
  });
});

describe("timeOfUuidV7", () => {
  it("is the time at which it was made, and nothing for any other text", () => {
    expect(timeOfUuidV7("019a0000-0001-7000-8000-000000000000")).toBe(0x019a_0000_0001);
    expect(timeOfUuidV7(uuidV7())).toBeGreaterThan(Date.now() - 1_000);
    expect(["", "order-7", "0199f2c1-0000-4000-8000-000000000000"].map(timeOfUuidV7)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
