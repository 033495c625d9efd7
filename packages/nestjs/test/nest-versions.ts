// Runs the tests of this package on each version of NestJS that it supports: `npm run versions`. Takes a minute or two.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = join(import.meta.dirname, "..");
const modules = join(here, "../../node_modules");
const versions = ["10.4.22", "11.2.10", "12.5.1"];

const results = versions.map((version) => ({ version, isGreen: isGreenOn(version) }));
for (const { version, isGreen } of results)
  process.stdout.write(`NestJS ${version}: ${isGreen ? "passed" : "failed"}\n`);
if (results.some(({ isGreen }) => !isGreen)) process.exitCode = 1;

/** In a folder of its own: a package finds the Nest that is installed beside it. */
function isGreenOn(version: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "nest-versions-"));
  try {
    for (const name of ["src", "test", "tsconfig.json", "vitest.config.ts"]) {
      cpSync(join(here, name), join(folder, name), { recursive: true });
    }
    cpSync(join(here, "../../tsconfig.base.json"), join(folder, "tsconfig.base.json"));
    const tsconfig = readFileSync(join(folder, "tsconfig.json"), "utf8").replace("../../tsconfig", "./tsconfig");
    writeFileSync(join(folder, "tsconfig.json"), tsconfig);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const nest = ["common", "core", "platform-express"].map((name) => `@nestjs/${name}@${version}`);
    const ours = [
      "pg@8.23.1",
      "zod@4.6.7",
      "vitest@5.1.0",
      "typescript@6.0.3",
      "@types/node@26.6.6",
      "@types/pg@8.23.1",
    ];
    const install = ["install", "--no-audit", "--no-fund", "--silent", "reflect-metadata@0.2.2", "rxjs@7.8.2"];
    if (!run("npm", [...install, ...nest, ...ours], folder)) return false;
    symlinkSync(join(modules, "@acme"), join(folder, "node_modules/@acme"), "junction");
    const bin = (name: string) => join(folder, "node_modules/.bin", name);
    return run(bin("tsc"), ["-p", "."], folder) && run(bin("vitest"), ["run"], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): boolean {
  return spawnSync(command, args, { cwd, stdio: "inherit" }).status === 0;
}
