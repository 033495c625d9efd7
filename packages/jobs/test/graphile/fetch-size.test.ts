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

describe("the number of jobs taken at once", () => {
  it("is five times the usual one once ten of these have been used up within 25 ms each", () => {
    const { asked } = simulate({ jobMs: 0.02, fetchMs: 0.02 }, { fetches: 13 });

    expect(asked).toEqual([...tenUsual, 500, 500, 500]);
  });

  it("is tried for its worth against fetches of the usual number, not against those that brought few and took long for each", () => {
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

  it("stays the usual one where jobs keep a worker for longer", () => {
    const { asked } = simulate({ jobMs: 0.3, fetchMs: 0.02 }, { fetches: 13 });

    expect(asked).toEqual([...tenUsual, 100, 100, 100]);
  });

  it("stays the usual one where long jobs end, and others begin, many at a time", () => {
    const jobMs = (fetch: number) => (fetch % 2 === 0 ? 0 : 10);
    const { asked } = simulate({ jobMs, fetchMs: 0.02 }, { fetches: 50 });

    expect(asked).not.toContain(500);
  });

  it("is the usual one again when no more jobs are waiting", () => {
    const { asked } = simulate({ jobMs: 0.02, fetchMs: 0.02 }, { fetches: 14, backlog: 1_600 });

    expect(asked).toEqual([...tenUsual, 500, 500, 100, 100]);
  });

  it("is the usual one where the database needs longer for each of many, but for two tries in a hundred times as long", () => {
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
