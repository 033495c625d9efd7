// Usage: npm run bench -- [NAME …] [--full | --quick] [--only CONTESTANT] [--rounds N] [--out DIRECTORY]
import { UsageError } from "./arguments.ts";
import { whatIsMissing } from "./what-is-missing.ts";

const missing = whatIsMissing();
if (missing === undefined) await run();
else refuse(missing);

async function run(): Promise<void> {
  const { runBenchmarks } = await import("./run-benchmarks.ts");
  await runBenchmarks().catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    refuse(error.message);
  });
}

function refuse(why: string): void {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
}
