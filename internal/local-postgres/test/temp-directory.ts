import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { vi } from "vitest";

export interface TempDirectory extends AsyncDisposable {
  path(...names: string[]): string;
}

/** A directory for one test, of mode 0755 unless told otherwise; `path` makes paths in it. */
export function createTempDirectory(mode = 0o755): TempDirectory {
  const directory = mkdtempSync(path.join(tmpdir(), "local-postgres-test-"));
  chmodSync(directory, mode);
  return {
    path: (...names) => path.join(directory, ...names),
    // The server of an app that was just killed may still be writing to it.
    async [Symbol.asyncDispose]() {
      await vi.waitFor(() => remove(directory), { timeout: 15_000 });
    },
  };
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  if (existsSync(directory)) throw new Error(`Something still writes to ${directory}.`);
}
