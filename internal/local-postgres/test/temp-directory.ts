import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface TempDirectory extends Disposable {
  path(...names: string[]): string;
}

/** A directory for one test, of mode 0755 unless told otherwise; `path` makes paths in it. */
export function createTempDirectory(mode = 0o755): TempDirectory {
  const directory = mkdtempSync(path.join(tmpdir(), "local-postgres-test-"));
  chmodSync(directory, mode);
  return {
    path: (...names) => path.join(directory, ...names),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
