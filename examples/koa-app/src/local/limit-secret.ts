import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { StartupError } from "../startup-error.ts";

/**
 * The secret under which the request limits count: LIMIT_SECRET, or a random one that is kept in DATA_DIR.
 *
 * @throws {@link StartupError} `SECRET_NOT_KEPT` when there is neither, or the file is empty or cut off.
 */
export async function loadLimitSecret({ limitSecret, dataDir }: SecretSettings): Promise<string> {
  if (limitSecret !== undefined) return limitSecret;
  const file = join(dataDir, "limit-secret");
  const secret = await keptSecret(dataDir, file);
  // Not replaced: of processes that start together, each could replace the other's and count under its own.
  if (secret.trim().length < shortestSecret) throw secretUnusable(file);
  return secret;
}

/** As short as LIMIT_SECRET may be. A file that was cut off holds less. */
const shortestSecret = 32;

type SecretSettings = Pick<Config, "limitSecret" | "dataDir">;

async function keptSecret(dataDir: string, file: string): Promise<string> {
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

function secretUnusable(file: string): StartupError {
  return new StartupError(
    "SECRET_NOT_KEPT",
    `LIMIT_SECRET is not set, and ${file} holds no usable secret. Delete that file for a new one, which starts all counts anew, or set LIMIT_SECRET.`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "no code";
}
