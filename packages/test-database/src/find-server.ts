import { randomBytes } from "node:crypto";
import { LocalPostgresError, startLocalPostgres } from "@acme/local-postgres";
import { TestDatabaseError, type TestDatabaseErrorCode } from "./errors.ts";
import type { Server } from "./server.ts";
import { startJanitor } from "./start-janitor.ts";

export interface RunningServer extends Server {
  /** Resolves when no database of the run is left, or no server. */
  stop(): Promise<void>;
}

/** The variable by which a global set-up tells its server to the processes of the tests. */
const runVariable = "ACME_TEST_DATABASE_RUN";

/** All modules of the process have it in common: an import may be an ES module and a `require` CommonJS. */
const registryKey = Symbol.for("@acme/test-database/servers");
const registry = ((globalThis as { [registryKey]?: Map<string, Promise<RunningServer>> })[registryKey] ??= new Map());

/** The server of `url`, of the global set-up, of `TEST_DATABASE_URL`, or one from npm: started once for the process. */
export function findServer(url?: string): Promise<Server> {
  const shared = process.env[runVariable];
  if (url === undefined && shared !== undefined) return Promise.resolve(JSON.parse(shared) as Server);
  return startOnce(url ?? givenUrl());
}

/** Gives the processes of the tests, which are yet to be started, one server. */
export async function shareServer(): Promise<RunningServer> {
  const url = givenUrl();
  const server = await startOnce(url);
  process.env[runVariable] = JSON.stringify({ url: server.url, run: server.run, isEmbedded: server.isEmbedded });
  return {
    ...server,
    async stop() {
      delete process.env[runVariable];
      registry.delete(url ?? "");
      await server.stop();
    },
  };
}

function givenUrl(): string | undefined {
  const given = process.env["TEST_DATABASE_URL"];
  return given === "" ? undefined : given;
}

function startOnce(url: string | undefined): Promise<RunningServer> {
  const key = url ?? "";
  const found = registry.get(key);
  if (found !== undefined) return found;
  const started = url === undefined ? startEmbedded() : useGiven(url);
  registry.set(key, started);
  started.catch(() => registry.delete(key));
  return started;
}

async function startEmbedded(): Promise<RunningServer> {
  try {
    const postgres = await startLocalPostgres();
    return { url: postgres.url(), run: newRun(), isEmbedded: true, stop: () => postgres.stop() };
  } catch (cause) {
    if (!(cause instanceof LocalPostgresError)) throw cause;
    const code = codesOfServers.find((one) => one === cause.code) ?? "SERVER_FAILED";
    throw new TestDatabaseError(code, cause.message, { cause });
  }
}

/** Of the launcher's faults those about which something else is to be done than to read what it says. */
const codesOfServers: readonly TestDatabaseErrorCode[] = [
  "BINARIES_MISSING",
  "BINARIES_UNREACHABLE",
  "NO_UNPRIVILEGED_USER",
  "PLATFORM_UNSUPPORTED",
];

async function useGiven(url: string): Promise<RunningServer> {
  const server = { url: checkUrl(url), run: newRun(), isEmbedded: false };
  return { ...server, stop: await startJanitor(server) };
}

function newRun(): string {
  return `test_${randomBytes(6).toString("hex")}`;
}

function checkUrl(url: string): string {
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new TestDatabaseError(
    "OPTIONS_INVALID",
    "The url of the server, from the options or from TEST_DATABASE_URL, is not one of PostgreSQL. Write it as " +
      "postgres://user:password@host:5432/database.",
  );
}
