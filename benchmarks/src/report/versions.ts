import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { requireOf } from "../engine.ts";

/** The version of an installed package, whatever it exports. */
export function versionOf(packageName: string): string {
  // The engine first, which peers have copies of.
  for (const require of [requireOf.engine, requireOf.benchmarks]) {
    for (const folder of require.resolve.paths(packageName) ?? []) {
      const file = path.join(folder, packageName, "package.json");
      if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
    }
  }
  return "?";
}
