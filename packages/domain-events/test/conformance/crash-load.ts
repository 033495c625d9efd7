import { type PostgresSettings, type PostgresVersion, startServer } from "@acme/test-postgres/server";
import { type Count, countUnits } from "./count-units.ts";
import { startLoad } from "./load.ts";
import { createTables, openUnits, storedRows } from "./units.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

export interface CrashLoad {
  readonly version: PostgresVersion;
  readonly settings: PostgresSettings;
  readonly rounds: number;
}

const loopCount = 12;

/** Commits in twelve loops, and kills one backend per round, which takes the server through crash recovery. */
export async function runCrashLoad<Tx>(
  driver: TestedAdapter<Tx>,
  { version, settings, rounds }: CrashLoad,
): Promise<Count> {
  await using server = await startServer({ version, settings });
  await createTables(server.url());
  await using units = await openUnits(driver, server.url(), { max: loopCount, outcomeTimeoutMs: 3_000 });
  const load = startLoad(driver, units, loopCount);
  for (let round = 0; round < rounds; round += 1) {
    await load.confirmed(2 * loopCount);
    await server.crash();
  }
  await load.stop();
  return countUnits(load.said, units.published, await storedRows(server.url()));
}
