// Usage: npm run crash --workspace @acme/domain-events -- [--rounds 200]
// Commits while backends are killed, for each version, setting and driver, and prints what came of it, one row each.
import { parseArgs } from "node:util";
import { isInstalled, postgresVersions } from "@acme/test-postgres/server";
import type { Count } from "../conformance/count-units.ts";
import { type CrashLoad, runCrashLoad } from "../conformance/crash-load.ts";
import { knexDriver, pgDriver } from "../conformance/drivers.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
const rounds = Number(values.rounds);
const columns = [
  "units",
  "committed",
  "aborted",
  "unknown",
  "phantoms",
  "resolvedWithoutRow",
  "rejectedWithRow",
] as const;
const drivers = [
  { name: "knex", run: (load: CrashLoad) => runCrashLoad(knexDriver, load) },
  { name: "pg", run: (load: CrashLoad) => runCrashLoad(pgDriver, load) },
];

tell(["version", "commit_delay", "driver", "rounds", ...columns, "misheard"]);
for (const version of postgresVersions.filter(isInstalled)) {
  for (const commitDelay of ["0", "5000"]) {
    for (const { name, run } of drivers) {
      const count = await run({ version, settings: { commit_delay: commitDelay }, rounds });
      tell([version, commitDelay, name, rounds, ...columns.map((column) => count[column]), count.misheard]);
      if (!isClean(count)) process.exitCode = 1;
    }
  }
}

function isClean({ phantoms, resolvedWithoutRow, rejectedWithRow, misheard }: Count): boolean {
  return phantoms + resolvedWithoutRow + rejectedWithRow + misheard === 0;
}

function tell(cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
