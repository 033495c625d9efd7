import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { problemOf, type CliConfig } from "./config.ts";
import { UsageError } from "./usage-error.ts";

const names = ["acme-jobs.config.ts", "acme-jobs.config.js", "acme-jobs.config.mjs"];

/**
 * Imports the configuration.
 *
 * @param given - The path of `--config`. Default: the file of that name in the working directory.
 * @returns `undefined` if there is none.
 * @throws {@link UsageError} if the file is missing, cannot be imported, or has no configuration.
 */
export async function readConfigFile(given: string | undefined): Promise<CliConfig | undefined> {
  const path = given === undefined ? await findConfigFile() : resolve(given);
  if (path === undefined) return undefined;
  if (!(await exists(path))) throw new UsageError(`There is no configuration file ${path}.`);
  const module = await importFile(path);
  const problem = module.default === undefined ? "it has no default export" : problemOf(module.default);
  if (problem !== undefined) {
    throw new UsageError(`${path} is no configuration: ${problem}. Write "export default defineConfig({ … })".`);
  }
  return module.default as CliConfig;
}

async function findConfigFile(): Promise<string | undefined> {
  for (const name of names) if (await exists(resolve(name))) return resolve(name);
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function importFile(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    throw new UsageError(`${path} cannot be imported: ${String(message)}${hintFor(String(code))}`, { cause: error });
  }
}

/** Node strips types, and does no more: see nodejs.org/api/typescript.html. */
function hintFor(code: string): string {
  if (!/^ERR_(?:UNSUPPORTED_TYPESCRIPT_SYNTAX|INVALID_TYPESCRIPT_SYNTAX|MODULE_NOT_FOUND)$/.test(code)) return "";
  return " Node strips types only: enums, decorators, paths of tsconfig.json and imports without an extension need a loader, as in: node --import tsx node_modules/.bin/acme-jobs …";
}
