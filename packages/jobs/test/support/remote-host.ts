import { execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Another host, as far as TCP can tell: a network namespace with a cable to this one. */
export interface RemoteHost extends AsyncDisposable {
  /** The address that its connections come from. */
  readonly address: string;
  /** Starts a TypeScript file there. It reaches this host's 127.0.0.1 under the same address. */
  run(file: URL, env: Record<string, string>): RemoteProcess;
  /** Pulls the cable: nothing arrives any more in either direction, not even the end of a connection. */
  vanish(): void;
}

export interface RemoteProcess {
  /** Resolves when the process has sent this message; rejects, with its stderr, when it ends without. */
  waitFor(message: string): Promise<void>;
  isRunning(): boolean;
}

/** Why there can be no other host here, if so. */
export function whyNoRemoteHost(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux can make network namespaces";
  try {
    accessSync(routeLocalnet("all"), constants.W_OK);
    const probe = nameOfNamespace();
    ip("netns", "add", probe);
    ip("netns", "del", probe);
    return undefined;
  } catch {
    return "this system lacks iproute2, or forbids network namespaces";
  }
}

export function createRemoteHost(): RemoteHost {
  const namespace = nameOfNamespace();
  const [here, there] = [`${namespace}h`, `${namespace}t`];
  const [local, address] = unusedAddresses();
  const running = new Set<ReturnType<typeof spawn>>();

  ip("netns", "add", namespace);
  try {
    ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace);
    ip("address", "add", `${local}/30`, "dev", here);
    ip("link", "set", here, "up");
    ip("-n", namespace, "address", "add", `${address}/30`, "dev", there);
    ip("-n", namespace, "link", "set", there, "up");
    // Lets 127.0.0.1 be reached by the cable. The namespace's own loopback stays down, and so out of the way.
    writeFileSync(routeLocalnet(here), "1");
    inNamespace("sh", "-c", `echo 1 > ${routeLocalnet(there)}`);
    ip("-n", namespace, "route", "add", "127.0.0.1/32", "dev", there, "src", address);
  } catch (error) {
    ip("netns", "del", namespace);
    throw error;
  }

  /** For a run that ends before its tests do. */
  function abandon(): void {
    for (const child of running) child.kill("SIGKILL");
    ip("netns", "del", namespace);
  }
  process.once("exit", abandon);

  function inNamespace(...command: string[]): void {
    ip("netns", "exec", namespace, ...command);
  }
  return {
    address,
    run(file, env) {
      const child = spawn("ip", ["netns", "exec", namespace, process.execPath, fileURLToPath(file)], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      });
      running.add(child);
      let stderr = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      return {
        waitFor: (message) =>
          new Promise((resolve, reject) => {
            child.on("message", (received) => received === message && resolve());
            child.once("error", reject);
            child.once("close", () =>
              reject(new Error(`The process ended without "${message}". Its stderr:\n${stderr}`)),
            );
          }),
        isRunning: () => child.exitCode === null && child.signalCode === null,
      };
    },
    vanish: () => ip("-n", namespace, "link", "set", there, "down"),
    async [Symbol.asyncDispose]() {
      process.off("exit", abandon);
      await Promise.all([...running].map(end));
      ip("netns", "del", namespace);
    },
  };
}

/** Two neighbours among the addresses that are kept for tests of networks, 198.18.0.0/15; another run has others. */
function unusedAddresses(): [string, string] {
  const block = randomInt(2 ** 15) * 4;
  const at = (offset: number) => [198, 18 + (block >> 16), (block >> 8) & 255, (block & 255) + offset].join(".");
  return [at(1), at(2)];
}

async function end(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}

/** Short: the name of a network interface has at most 15 characters. */
function nameOfNamespace(): string {
  return `acme${randomBytes(4).toString("hex")}`;
}

function routeLocalnet(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/route_localnet`;
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}
