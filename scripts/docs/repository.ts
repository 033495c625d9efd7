import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Paths relative to the root, with slashes, in order. */
export function filesMatching(...patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: root, exclude: ["**/node_modules/**", "**/dist/**", "docs/api/**"] })
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted();
}

export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

export function fromRoot(file: string): string {
  return relative(root, file).replaceAll("\\", "/");
}
