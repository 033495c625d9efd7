import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServer } from "@acme/test-postgres/server";
import { runExercise } from "./run-exercise.ts";
import { openShop } from "./shop.ts";

const configPath = fileURLToPath(new URL("../acme-jobs.config.ts", import.meta.url));
const seed = readSeed();
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => interrupted.abort());

tell(`Exercise with seed ${seed}. A database and a shop are starting.`);
await using server = await startServer({ databases: ["shop"] });
await using shop = await openShop(server.url("shop"));
tell(`In another terminal, with docs/runbook.md beside it:

  export JOB_QUEUE_DATABASE_URL=${shop.url}
  npx acme-jobs status

The tasks of the shop are in ${configPath}: name it with --config if a command needs them.`);
try {
  await runExercise(shop, { seed, signal: interrupted.signal, tell });
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  tell("Interrupted. The database is removed.");
  process.exitCode = 130;
}

function readSeed(): number {
  const { values } = parseArgs({ options: { seed: { type: "string", default: String(Date.now() % 100_000) } } });
  const given = Number(values.seed);
  if (!Number.isSafeInteger(given) || given < 0) throw new Error("usage: exercise --seed <a whole number from 0>");
  return given;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
