// Builds what is measured, installs the peers it is measured against, once, and runs the benchmarks: `node scripts/bench.ts [NAME …]`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const benchmarks = join(root, "benchmarks");

run(root, process.execPath, "scripts/turbo.ts", "run", "build", "--quiet");
if (!existsSync(join(benchmarks, "node_modules"))) {
  console.log("Installing the peers …");
  // One line for a shell: npm is a script, and one of another kind on Windows.
  check(spawnSync("npm ci --silent --no-audit --no-fund", { cwd: benchmarks, stdio: "inherit", shell: true }));
}
run(benchmarks, process.execPath, "src/bench.ts", ...process.argv.slice(2));

function run(cwd: string, command: string, ...args: readonly string[]): void {
  check(spawnSync(command, args, { cwd, stdio: "inherit" }));
}

function check({ status, error }: { readonly status: number | null; readonly error?: Error }): void {
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
