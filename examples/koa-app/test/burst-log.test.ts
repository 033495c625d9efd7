import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBurstLog } from "../src/logging/burst-log.ts";
import { createLogger } from "../src/logging/logger.ts";

describe("a log of what comes in bursts", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("warns of the first one at once, and of all others with one line per interval", () => {
    const { log, lines } = createLog();

    for (let index = 0; index < 1_000; index += 1) log.note({ route: `/${index}` });
    expect(lines()).toMatchObject([{ level: "warn", msg: "refused", route: "/0", count: 1 }]);
    vi.advanceTimersByTime(10_000);

    expect(lines().slice(1)).toMatchObject([{ level: "warn", msg: "refused", route: "/999", count: 999 }]);
  });

  it("says nothing while there is nothing, and warns at once again after a quiet interval", () => {
    const { log, lines } = createLog();

    log.note({});
    vi.advanceTimersByTime(60_000);
    expect(lines().length).toBe(1);
    log.note({});

    expect(lines()).toMatchObject([{ count: 1 }, { count: 1 }]);
  });

  it("loses no count at the end", () => {
    const { log, lines } = createLog();
    for (let index = 0; index < 3; index += 1) log.note({});

    log.flush();
    log.flush();
    vi.advanceTimersByTime(60_000);

    expect(lines()).toMatchObject([{ count: 1 }, { count: 2 }]);
  });

  function createLog() {
    const written: string[] = [];
    const logger = createLogger({ level: "info", destination: { write: (line) => void written.push(line) } });
    const log = createBurstLog({ logger, message: "refused", intervalMs: 10_000 });
    return { log, lines: (): unknown[] => written.map((line) => JSON.parse(line)) };
  }
});
