import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly version: string;
}

/** Ends the server, and removes its data, when the standard input closes: with this process, whatever ends it. */
const guard = `
  directory=$1; shift
  if command -v redis-server > /dev/null; then
    redis-server "$@" --dir "$directory" < /dev/null & server=$!
    cat > /dev/null
    kill $server; wait $server
  fi
  rm -rf "$directory"`;

/** A server of our own; `undefined` where Redis is not installed. */
export async function startRedis(appendfsync: "everysec" | "no"): Promise<RedisServer | undefined> {
  const directory = await mkdtemp(path.join(tmpdir(), "acme-redis-"));
  const port = await findFreePort();
  const options = { port, bind: "127.0.0.1", save: "", appendonly: "yes", appendfsync };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn("sh", ["-c", guard, "redis", directory, ...flags], {
    stdio: ["pipe", "pipe", "ignore"],
    // Ctrl-C reaches the whole group: Redis would end before those who use it.
    detached: true,
  });
  const version = await readyVersion(server);
  if (version === undefined) return undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    version,
    async [Symbol.asyncDispose]() {
      const ended = once(server, "exit");
      server.stdin?.end();
      await ended;
    },
  };
}

function readyVersion(server: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    let version = "unknown version";
    server.once("error", () => resolve(undefined));
    server.once("exit", () => resolve(undefined));
    if (server.stdout === null) return;
    createInterface({ input: server.stdout }).on("line", (line) => {
      version = /version=([\d.]+)/.exec(line)?.[1] ?? version;
      if (/ready to accept connections/i.test(line)) resolve(version);
    });
  });
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
