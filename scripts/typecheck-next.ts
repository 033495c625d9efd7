// Checks the types once more with the next major version of TypeScript, which our consumers may already use.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript7/package.json")), "bin/tsc");
const projects = globSync(["scripts/tsconfig.json", "{packages,examples,internal}/*/tsconfig.json"], {
  cwd: join(import.meta.dirname, ".."),
});

const failed = projects.filter((project) => {
  const { status } = spawnSync(process.execPath, [compiler, "-p", project], {
    cwd: join(import.meta.dirname, ".."),
    stdio: "inherit",
  });
  return status !== 0;
});
if (failed.length > 0) process.exitCode = 1;
