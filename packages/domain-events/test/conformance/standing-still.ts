import { createTestDatabase } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";
import { letCommitEnd, stallCommit } from "./stalled-commit.ts";
import { createTables, openSession, openUnits } from "./units.ts";

/** The answer to COMMIT and the end of the wait for it come in the same moment. */
export function describeStandingStill<Tx>(driver: TestedAdapter<Tx>): void {
  describe(`${driver.name}: a connection lost during COMMIT`, () => {
    it("accepts an answer that came while the process stood still, even if the timeout has passed by then", async () => {
      await using database = await createTestDatabase();
      await createTables(database.url);
      await using units = await openUnits(driver, database.url, { commitTimeoutMs: 3_000 });
      await units.unitOfWork.run(() => "tried out");
      await using commit = await stallCommit(driver, units, { id: 1, serverUrl: database.url });
      await using session = await openSession(database.url);

      // The rest of this turn of the loop goes on where an answer was read, after which timers come before sockets.
      await session.client.query("select");
      letCommitEnd(database.url, { standStillMs: 3_500 });

      expect(await commit.said).toBe("resolved");
      expect(units.published).toEqual([1]);
    });
  });
}
