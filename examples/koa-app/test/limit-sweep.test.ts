import { describe, expect, it } from "vitest";
import { sweepLimits } from "../src/http/limit-sweep.ts";
import { createLogger } from "../src/logging/logger.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

describe("the sweep of the request limits", () => {
  it("deletes all that have ended, however many more there are than one statement takes", async () => {
    await using app = await startTestApp();
    await count(app, { rows: 25, endedHoursAgo: 2 });
    await count(app, { rows: 3, endedHoursAgo: 0 });
    const { logger, lines } = createLog();

    await sweepLimits({ pool: app.data, logger, batchSize: 10 });

    expect((await app.data.query("select count(*)::int as count from request_limits")).rows).toEqual([{ count: 3 }]);
    expect(lines()).toEqual([]);
  });

  it("says so when it fails", async () => {
    await using app = await startTestApp();
    await app.data.query("alter table request_limits rename to elsewhere");
    const { logger, lines } = createLog();

    await sweepLimits({ pool: app.data, logger });

    expect(lines()).toMatchObject([
      { level: "warn", msg: expect.stringContaining("could not be deleted"), err: { code: "42P01" } },
    ]);
  });
});

async function count(app: TestApp, { rows, endedHoursAgo }: { rows: number; endedHoursAgo: number }): Promise<void> {
  const expire = Date.now() - endedHoursAgo * 3_600_000;
  await app.data.query(
    "insert into request_limits select 'client:' || $2 || ':' || g, 1, $2::bigint from generate_series(1, $1) g",
    [rows, expire],
  );
}

function createLog() {
  const written: string[] = [];
  const logger = createLogger({ level: "info", destination: { write: (line) => void written.push(line) } });
  return { logger, lines: (): unknown[] => written.map((line) => JSON.parse(line)) };
}
