import { describe, expect, it } from "vitest";
import { createFetchSize } from "../../src/graphile/fetch-size.ts";

/** A worker that uses up each job in so many milliseconds, and a database that needs so many for each it gives out. */
function simulate(
  {
    jobMs,
    fetchMs,
    fetchMsOfMany = () => fetchMs / 2,
  }: { jobMs: number | ((fetch: number) => number); fetchMs: number; fetchMsOfMany?: (fetch: number) => number },
  { fetches, backlog = Infinity }: { fetches: number; backlog?: number },
) {
  let clock = 0;
  let left = backlog;
  const size = createFetchSize(100, () => clock);
  const asked: number[] = [];
  for (let fetch = 0; fetch < fetches; fetch++) {
    const count = size.next();
    const got = Math.min(count, left);
    const tookMs = count * (count === 100 ? fetchMs : fetchMsOfMany(fetch));
    clock += tookMs;
    size.note({ asked: count, got, tookMs });
    asked.push(count);
    left -= got;
    clock += got * (typeof jobMs === "number" ? jobMs : jobMs(fetch));
  }
  return { asked, clock };
}

const tenUsual = Array.from({ length: 10 }, () => 100);

describe("the number of jobs fetched at once", () => {
  it("is five times the usual one when ten usual fetches have each been used up within 25 ms", () => {
    const { asked } = simulate({ jobMs: 0.02, fetchMs: 0.02 }, { fetches: 13 });

    expect(asked).toEqual([...tenUsual, 500, 500, 500]);
  });

  it("is compared with fetches that brought the usual number, not with those that brought few jobs slowly", () => {
    let clock = 0;
    const size = createFetchSize(100, () => clock);
    const fetch = (asked: number, tookMs: number) => {
      clock += tookMs;
      size.note({ asked, got: asked, tookMs });
    };

    for (let count = 0; count < 10; count++) fetch(100, 2);
    // Ten times as long for each job, as a fetch of one job takes.
    for (let count = 0; count < 100; count++) fetch(1, 0.2);
    for (let count = 0; count < 2; count++) fetch(500, 20);

    expect(Array.from({ length: 5 }, () => size.next())).toEqual([100, 100, 100, 100, 100]);
  });

  it("stays the usual one if jobs take longer", () => {
    const { asked } = simulate({ jobMs: 0.3, fetchMs: 0.02 }, { fetches: 13 });

    expect(asked).toEqual([...tenUsual, 100, 100, 100]);
  });

  it("stays the usual one if many long jobs end together and others begin", () => {
    const jobMs = (fetch: number) => (fetch % 2 === 0 ? 0 : 10);
    const { asked } = simulate({ jobMs, fetchMs: 0.02 }, { fetches: 50 });

    expect(asked).not.toContain(500);
  });

  it("is the usual one again when no more jobs are waiting", () => {
    const { asked } = simulate({ jobMs: 0.02, fetchMs: 0.02 }, { fetches: 14, backlog: 1_600 });

    expect(asked).toEqual([...tenUsual, 500, 500, 100, 100]);
  });

  it("is the usual one if the database needs longer for each job of a large fetch, except for two tries in a hundred times as long", () => {
    const { asked, clock } = simulate({ jobMs: 0.02, fetchMs: 0.02, fetchMsOfMany: () => 0.2 }, { fetches: 5_000 });

    const tries = asked.filter((count) => count === 500).length / 2;
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThanOrEqual(clock / (500 * 0.2 * 100) + 1);
  });

  it("stays five times the usual one when a single fetch was held up", () => {
    const fetchMsOfMany = (fetch: number) => (fetch === 11 ? 1 : 0.01);
    const { asked } = simulate({ jobMs: 0.02, fetchMs: 0.02, fetchMsOfMany }, { fetches: 14 });

    expect(asked).toEqual([...tenUsual, 500, 500, 500, 500]);
  });
});
