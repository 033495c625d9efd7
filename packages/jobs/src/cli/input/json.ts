import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { UsageError } from "../usage-error.ts";

/**
 * Reads JSON of the command line: as it stands there, from a file (`@payload.json`), or from standard input (`-`).
 *
 * @throws {@link UsageError}
 */
export async function readJson(given: string): Promise<unknown> {
  const source =
    given === "-" ? await text(process.stdin) : given.startsWith("@") ? await readText(given.slice(1)) : given;
  try {
    return JSON.parse(source) as unknown;
  } catch {
    // The error of the parser would quote the payload.
    throw new UsageError("The payload is not JSON. In a shell, put it in single quotes.");
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new UsageError(`The payload cannot be read from ${path}: ${(error as Error).message}.`);
  });
}
