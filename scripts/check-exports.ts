// Compares the docstrings of all exports with what a reader needs: a purpose, what is thrown, an example.
import { checkExports } from "./docs/exports.ts";

const checks = checkExports();
for (const { file, line, message } of checks.flat()) console.log(`${file}:${line} ${message}`);

const failedCount = checks.filter((findings) => findings.length > 0).length;
console.log(`${checks.length - failedCount} passed, ${failedCount} failed`);
if (failedCount > 0) process.exitCode = 1;
