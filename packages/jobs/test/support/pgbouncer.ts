import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chownSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export interface PgBouncer extends AsyncDisposable {
  /** The target's connection string, by way of PgBouncer. */
  readonly url: string;
}

/** The path of PgBouncer, if it is installed. */
export const pgBouncerProgram = ["/usr/sbin", ...(process.env["PATH"] ?? "").split(path.delimiter)]
  .map((directory) => path.join(directory, "pgbouncer"))
  .find(isExecutable);

/** How many sessions on the server all clients of one database share. */
export const sharedSessionCount = 2;

export interface PgBouncerOptions {
  /** Whether a client has a session for itself, or for one transaction at a time. */
  readonly poolMode?: "session" | "transaction";
  /** How many sessions on the server there are for one database. */
  readonly sessionCount?: number;
}

/** `round_robin` is the harshest setting for clients that take a session for theirs: the next transaction has another. */
export async function startPgBouncer(
  targetUrl: string,
  { poolMode = "transaction", sessionCount = sharedSessionCount }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  if (pgBouncerProgram === undefined)
    throw new Error("PgBouncer is not installed. On Debian: apt-get install pgbouncer");
  const target = new URL(targetUrl);
  const port = await findFreePort();
  const user = unprivilegedUser();
  const directory = mkdtempSync(path.join(tmpdir(), "acme-pgbouncer-"));
  const password = decodeURIComponent(target.password);
  const files = {
    "users.txt": `"${decodeURIComponent(target.username)}" "${password.replaceAll('"', '""')}"\n`,
    "pgbouncer.ini":
      configuration(target, port, path.join(directory, "users.txt"), password === "") +
      `pool_mode = ${poolMode}\ndefault_pool_size = ${sessionCount}\n`,
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(path.join(directory, name), content, { mode: 0o600 });
  for (const name of ["", ...Object.keys(files)]) {
    if (user !== undefined) chownSync(path.join(directory, name), user.uid, user.gid);
  }

  // The shell ends PgBouncer with its own input, and so also when the test's process is killed.
  const script = '"$0" pgbouncer.ini & read -r never; kill -9 $!';
  const bouncer = spawn("/bin/sh", ["-c", script, pgBouncerProgram], {
    ...user,
    cwd: directory,
    stdio: ["pipe", "ignore", "pipe"],
  });
  const ended = once(bouncer, "close");
  await isUp(bouncer.stderr.setEncoding("utf8"));

  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      bouncer.stdin.end();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function configuration(target: URL, port: number, users: string, isOpen: boolean): string {
  return `[databases]
* = host=${target.hostname} port=${target.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = ${isOpen ? "trust" : "scram-sha-256"}
auth_file = ${users}
server_round_robin = 1
`;
}

/** PgBouncer and PostgreSQL both refuse to run as root. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (what: string) => Number(execFileSync("id", [what, "nobody"], { encoding: "utf8" }));
  return { uid: ask("-u"), gid: ask("-g") };
}

async function isUp(log: AsyncIterable<string>): Promise<void> {
  let said = "";
  const up = Promise.withResolvers<void>();
  // Read to its end, or a full pipe would stop PgBouncer.
  const readAll = async () => {
    for await (const text of log) {
      if (said.length < 10_000) said += text;
      if (said.includes("process up")) up.resolve();
      if (said.includes("FATAL")) up.reject(new Error(`PgBouncer did not start; it says:\n${said}`));
    }
  };
  void readAll();
  await up.promise;
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
