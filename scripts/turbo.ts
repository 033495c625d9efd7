// Runs turbo without telemetry, and with --quiet without a word unless it fails: `node scripts/turbo.ts run build --quiet`.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const turbo = join(dirname(createRequire(import.meta.url).resolve("turbo/package.json")), "bin/turbo");
const isQuiet = process.argv.includes("--quiet");
const args = process.argv.slice(2).filter((argument) => argument !== "--quiet");

// Not to stdout, which may be piped into something that reads JSON.
if (isQuiet) console.error("Building the packages …");
const { status, stdout, stderr } = spawnSync(process.execPath, [turbo, ...args], {
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
  stdio: isQuiet ? "pipe" : "inherit",
});
if (isQuiet && status !== 0) {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
}
process.exitCode = status ?? 1;
