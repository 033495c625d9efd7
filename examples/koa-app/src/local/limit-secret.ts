import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { StartupError } from "../startup-error.ts";

/**
 * The secret under which the request limits count: LIMIT_SECRET, or a random one that is kept in DATA_DIR.
 *
 * @throws {@link StartupError} `SECRET_NOT_KEPT` when there is neither.
 */
export async function loadLimitSecret({ limitSecret, dataDir }: SecretSettings): Promise<string> {
  if (limitSecret !== undefined) return limitSecret;
  const file = join(dataDir, "limit-secret");
  try {
    await mkdir(dataDir, { recursive: true });
    return (await secretIn(file)) ?? (await keepNewSecret(file));
  } catch (error) {
    throw new StartupError(
      "SECRET_NOT_KEPT",
      `LIMIT_SECRET is not set, and DATA_DIR cannot keep a random one (${codeOf(error)}). Set either of them.`,
      { cause: error },
    );
  }
}

type SecretSettings = Pick<Config, "limitSecret" | "dataDir">;

async function secretIn(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function keepNewSecret(file: string): Promise<string> {
  const temporary = `${file}.${randomBytes(8).toString("hex")}`;
  await writeFile(temporary, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
  try {
    await link(temporary, file);
  } catch (error) {
    // A process that started at the same time was first: its secret counts for both.
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(temporary);
  }
  return await readFile(file, "utf8");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "no code";
}
