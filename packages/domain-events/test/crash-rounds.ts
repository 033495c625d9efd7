// Usage: npm run crash --workspace @acme/domain-events -- [--rounds 200]
// Commits while backends are killed, in every combination of version, settings and driver, and prints what came of it.
import { parseArgs } from "node:util";
import { isInstalled, postgresVersions } from "@acme/test-postgres/server";
import { runCrashLoad } from "./conformance/crash-load.ts";
import { knexDriver, pgDriver } from "./conformance/drivers.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
const rounds = Number(values.rounds);

for (const version of postgresVersions.filter(isInstalled)) {
  for (const settings of [{}, { commit_delay: "5000" }]) {
    for (const run of [
      { name: "knex", load: () => runCrashLoad(knexDriver, { version, settings, rounds }) },
      { name: "pg", load: () => runCrashLoad(pgDriver, { version, settings, rounds }) },
    ]) {
      const count = await run.load();
      const setting = Object.keys(settings).length === 0 ? "default settings" : "commit_delay 5 ms";
      const figures = Object.entries(count).map(([name, figure]) => `${name} ${figure}`);
      process.stdout.write(`PostgreSQL ${version}, ${setting}, ${run.name}: rounds ${rounds}, ${figures.join(", ")}\n`);
      if (count.phantoms + count.resolvedWithoutRow + count.rejectedWithRow + count.misheard > 0) process.exitCode = 1;
    }
  }
}
