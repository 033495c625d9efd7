// Usage: node scripts/matchers/check.ts [part of a runner's name]
// Whether the matchers of both packages work under each test runner: packed, installed beside it, typed and run. Needs a
// build, and a registry for the runners.
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { others, overrides, type Runner, runners } from "./runners.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const shell = process.platform === "win32";
const [wanted = ""] = process.argv.slice(2);

async function pack(name: string, folder: string): Promise<string> {
  const cwd = join(root, "packages", name);
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd, shell });
  return `file:${join(folder, stdout.trim().split("\n").at(-1) ?? "")}`;
}

async function check(runner: Runner, folder: string, tarballs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder);
  const dependencies = { ...tarballs, ...others, ...runner.packages };
  await writeJson(join(folder, "package.json"), { private: true, type: "module", dependencies, overrides });
  await writeJson(join(folder, "tsconfig.json"), {
    compilerOptions: {
      module: "nodenext",
      target: "es2023",
      lib: ["es2023", "esnext.disposable"],
      types: ["node", ...runner.types],
      strict: true,
      // The declarations of the runners are not ours to check.
      skipLibCheck: true,
    },
    files: [runner.test],
  });
  await copyFile(join(import.meta.dirname, "fixtures", runner.test), join(folder, runner.test));
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  await run("npm", ["install", ...quiet], { cwd: folder, shell });
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: folder });
  await run(process.execPath, [...runner.command], { cwd: folder, timeout: 120_000 });
}

function writeJson(file: string, value: object): Promise<void> {
  return writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

const folder = await mkdtemp(join(tmpdir(), "acme-matchers-"));
let failedCount = 0;
const chosen = runners.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
try {
  const tarballs = {
    "@acme/domain-events": await pack("domain-events", folder),
    "@acme/jobs": await pack("jobs", folder),
  };
  for (const [index, runner] of chosen.entries()) {
    try {
      await check(runner, join(folder, `runner-${index}`), tarballs);
      console.log(`${runner.name}: the matchers have their types, and work`);
    } catch (error) {
      failedCount += 1;
      const { stdout = "", stderr = "", message } = error as Partial<Record<"stdout" | "stderr" | "message", string>>;
      console.log(`${runner.name}: ${message}\n${stdout}${stderr}`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${chosen.length - failedCount} passed, ${failedCount} failed`);
if (failedCount > 0 || chosen.length === 0) process.exitCode = 1;
